package pipeline

import (
	"errors"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// duplicate is why a message is dropped in whose place another was handled.
const duplicate = "duplicate"

// tellFate tells the poison console what became of a message that was sent back,
// together with the message's own outputs. That it has failed again, its poison
// record tells.
func (p *Pipeline) tellFate(j *journey, outputs int, drops []handler.Dropped) error {
	if j.redrives == 0 || j.tier == sourceTier {
		return nil
	}
	kind, reason := action.Delivered, ""
	if outputs == 0 {
		kind, reason = action.Dropped, "not_routed"
		if len(drops) > 0 {
			reason = drops[0].Reason
		}
		if reason == duplicate {
			kind, reason = action.Superseded, "another event has been handled in its place"
		}
	}
	fate := action.Fate(kind, PoisonID(j.origin, p.ID), j.redrives-1, p.Name, reason)
	rec, err := fate.Record(p.actionsTopic)
	if err != nil {
		return err
	}
	switch err := p.insist(j, rec); {
	case errors.Is(err, errStopping):
		return errStopping
	case err != nil: // the message itself is done, and must not fail for that
		p.log.Warn("what became of a redriven message could not be written down",
			"pipeline", p.Name, "origin", j.origin.String(), "fate", kind, "error", err)
	}
	return nil
}
