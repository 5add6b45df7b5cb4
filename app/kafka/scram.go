package kafka

import (
	"fmt"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"github.com/trieungochai/kafka-notify/config"
)

// conversation is what sarama asks for each connection that it logs in with SCRAM.
func (s SASL) conversation() sarama.SCRAMClient {
	if s.Mechanism == config.SASLScram256 {
		return &conversation{hash: scram.SHA256}
	}
	return &conversation{hash: scram.SHA512}
}

// conversation is one login with SCRAM.
type conversation struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

// Begin implements sarama.SCRAMClient. The texts are taken as they are, as
// Kafka and franz-go take them: prepared as RFC 5802 has it, some passwords
// would be others to sarama than to everybody else.
func (c *conversation) Begin(username, password, authzID string) error {
	client, err := c.hash.NewClientUnprepped(username, password, authzID)
	if err != nil {
		return fmt.Errorf("begin a login with SCRAM: %w", err)
	}
	c.ClientConversation = client.NewConversation()
	return nil
}
