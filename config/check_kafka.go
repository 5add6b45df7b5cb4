package config

func (k *checker) kafka() {
	n, kafka := k.c.root.Get("kafka"), k.c.Kafka
	k.exactlyOne("kafka", "embedded", "brokers")
	if kafka.Embedded != nil {
		listen := n.Get("embedded").Get("listen")
		if host, ok := k.address(listen, kafka.Embedded.Listen, 0); ok && !k.c.HTTP.Insecure && !isLoopback(host) {
			k.fault(listen, "kafka.embedded.listen is %s, which others can reach, and the embedded broker knows no authentication", listen.describe()).Hint = "listen on 127.0.0.1, or set http.insecure: true if the network keeps others out"
		}
		k.notEmpty(n.Get("embedded").Get("data_dir"), kafka.Embedded.DataDir)
	}
	k.brokers(n.Get("brokers"), kafka.Brokers)
	k.tls(n, kafka.TLS)
	k.sasl(n, kafka)
	if r := n.Get("replication"); kafka.Replication == 0 {
		k.fault(r, "kafka.replication must be at least 1, or -1 for the broker's default")
	} else {
		k.between(r, kafka.Replication, -1, 1_000)
	}
	k.between(n.Get("max_user_topics"), kafka.MaxUserTopics, 0, 10_000_000)
	k.positive(n.Get("retention").Get("events"), kafka.Retention.Events)
	k.positive(n.Get("retention").Get("delivery"), kafka.Retention.Delivery)
	k.positive(n.Get("retention").Get("poison"), kafka.Retention.Poison)
}

// brokers checks the addresses of a cluster elsewhere.
func (k *checker) brokers(brokers Node, addresses []string) {
	if brokers.Kind() == Sequence && len(addresses) == 0 {
		k.fault(brokers, "kafka.brokers is empty; name at least one broker as host:port")
	}
	for i, item := range brokers.Items() {
		if item.Kind() != String {
			continue
		}
		if host, ok := k.address(item, addresses[i], 1); ok && host == "" {
			k.fault(item, "%s must name a host, not only a port", item.what())
		}
	}
}

// tls checks what can be said of it without its files.
func (k *checker) tls(kafka Node, tls *KafkaTLS) {
	k.notEmbedded(kafka, "tls")
	if tls == nil {
		return
	}
	n := kafka.Get("tls")
	k.notEmpty(tls.CA.Node, tls.CA.Value)
	k.notEmpty(tls.Cert.Node, tls.Cert.Value)
	k.notEmpty(tls.Key.Node, tls.Key.Value)
	k.notEmpty(n.Get("server_name"), tls.ServerName)
	switch cert, key := n.Get("cert"), n.Get("key"); {
	case !cert.IsZero() && key.IsZero():
		k.fault(Node{v: cert.key}, "kafka.tls.cert needs kafka.tls.key, the certificate's private key")
	case cert.IsZero() && !key.IsZero():
		k.fault(Node{v: key.key}, "kafka.tls.key needs kafka.tls.cert, the certificate that it belongs to")
	}
}

func (k *checker) sasl(kafka Node, c Kafka) {
	k.notEmbedded(kafka, "sasl")
	if c.SASL == nil {
		return
	}
	n := kafka.Get("sasl")
	for key, text := range map[string]string{"username": c.SASL.Username, "password": c.SASL.Password} {
		// What is no text has been reported as that.
		if given := n.Get(key); given.Kind() == String || !given.IsZero() && given.v.wholeVariable() {
			k.notEmpty(given, text)
		}
	}
	mechanism := n.Get("mechanism")
	if broker, readable := c.ReadablePassword(); readable {
		k.fault(mechanism, "%s without kafka.tls is refused: the password would travel readable to %s", c.SASL.Mechanism, kafka.Get("brokers").Items()[broker].what()).
			Hint = "add kafka.tls"
	}
}

// notEmbedded refuses a key that only brokers elsewhere have a use for.
func (k *checker) notEmbedded(kafka Node, key string) {
	if n := kafka.Get(key); !n.IsZero() && !kafka.Get("embedded").IsZero() {
		k.fault(Node{v: n.key}, "%s does not go with kafka.embedded: the embedded broker takes neither TLS nor a login", n.path).
			Hint = "leave it out, or name brokers elsewhere with kafka.brokers"
	}
}
