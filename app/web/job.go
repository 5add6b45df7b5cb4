package web

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// jobView is a redrive job, as pages show it.
type jobView struct {
	poison.Job
	Link string
}

// Unknown is of how many messages sent nobody has told yet what became of them.
// Of what goes past the pipeline nobody ever tells.
func (j jobView) Unknown() int {
	return max(0, j.Sent-j.Gone-j.Known())
}

// Told reports whether pipelines tell what becomes of the messages.
func (j jobView) Told() bool { return j.Terms.Target == poison.ToPipeline }

// Says is what the job does, in words.
func (j jobView) Says() string {
	switch j.State {
	case poison.Planning:
		return "Its messages are being written down."
	case poison.Running:
		if j.Awaited {
			return fmt.Sprintf("The first %d messages are on their way: the others follow when these have passed.", j.Terms.Canary)
		}
		return "It is sending."
	case poison.Paused:
		return "It was paused."
	case poison.Held:
		return "It has paused itself: look why, then resume or cancel it."
	case poison.Cancelling:
		return "It was cancelled, and is about to stop."
	case poison.Cancelled:
		return fmt.Sprintf("It was cancelled: %s not sent, and open again.", wereNot(j.Total-j.Sent))
	}
	return "It has sent all of its messages."
}

func wereNot(n int) string {
	if n == 1 {
		return "1 message was"
	}
	return count(n) + " messages were"
}

// Where says where the messages go.
func (j jobView) Where() string {
	switch j.Terms.Target {
	case poison.ToPipeline:
		return "the pipeline that gave up on each"
	case poison.ToSource:
		return "the event topic each came from, for all who read that"
	}
	return "the topic " + j.Terms.Target
}

// MayPause, MayResume and MayCancel say what can be asked of the job.
func (j jobView) MayPause() bool { return j.State == poison.Running }

// MayResume is described at MayPause.
func (j jobView) MayResume() bool { return j.State == poison.Paused || j.State == poison.Held }

// MayCancel is described at MayPause.
func (j jobView) MayCancel() bool { return !j.State.Over() && j.State != poison.Cancelling }

// getJobs lists the redrive jobs.
func (s *site) getJobs(w http.ResponseWriter, r *http.Request) error {
	jobs, err := s.opts.Console.Jobs(r.Context())
	if err != nil {
		return err
	}
	views := make([]jobView, min(len(jobs), maxJobs))
	for i := range views {
		views[i] = jobView{jobs[i], jobLink(jobs[i].ID)}
	}
	return s.show(w, r, "jobs", "Redrives", struct {
		Jobs []jobView
		More int
	}{views, len(jobs) - len(views)})
}

// maxJobs is how many jobs the list has at the most.
const maxJobs = 200

// getJob shows one redrive job.
func (s *site) getJob(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "job")
	if err != nil {
		return err
	}
	job, err := s.opts.Console.Job(r.Context(), id)
	if err != nil {
		return err
	}
	return s.show(w, r, "job", "Redrive "+id, jobView{job, jobLink(id)})
}

// postSteer pauses, resumes or cancels a job.
func (s *site) postSteer(kind action.Kind) serveFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathID(r, "job")
		if err != nil {
			return err
		}
		if _, err := s.opts.Console.Steer(r.Context(), kind, id, caller(r), r.PostForm.Get("reason")); err != nil {
			return err
		}
		return redirect(w, r, Home+"/redrives/"+url.PathEscape(id), "")
	}
}
