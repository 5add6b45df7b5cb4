# Go and make are all that `make run` and `make test` need; the other targets say what they need besides.

MAIN     := ./app/kafka-notify
CONFIG   ?= config/kafka-notify.yaml

# Pinned here and not in go.mod: a linter's dependencies are none of the service's. It lives in the user's cache, one
# folder per linter and Go release, because a linter built with an older Go refuses newer code.
GOLANGCI_LINT_VERSION := v2.15.0
TOOLS         := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kafka-notify
LINT_DIR      := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)-$(shell go env GOVERSION)
GOLANGCI_LINT := $(LINT_DIR)/golangci-lint

# A target is a package and a fuzz function in it.
FUZZ_TARGETS := ./app/api:FuzzSubmit ./config:FuzzConfig ./handlers/expr:FuzzTemplate
FUZZTIME     ?=

KAFKA_BROKERS ?=
BROKERS       ?= 1
BENCH         ?=

.DEFAULT_GOAL := help
.PHONY: help run build test race bench lint fuzz up down kafka kafka-stop test-kafka test-redis test-browser chaos

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the service with its embedded broker (CONFIG=file)
	go run $(MAIN) serve --config $(CONFIG)

build: ## Build bin/kafka-notify
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/kafka-notify $(MAIN)

test: ## Run all tests that need nothing but Go
	go test ./...

race: ## The same under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./...

bench: ## Measure the service beside its baselines, into docs/ (BENCH=flags; KAFKA_BROKERS=host:port,...)
	go run ./app/bench $(if $(KAFKA_BROKERS),-brokers '$(KAFKA_BROKERS)') $(BENCH)

lint: $(GOLANGCI_LINT) ## Check style, imports and formatting
	$(GOLANGCI_LINT) config verify
	$(GOLANGCI_LINT) run ./...

$(GOLANGCI_LINT):
	GOBIN=$(LINT_DIR) CGO_ENABLED=0 go install -ldflags '-s -w' \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

fuzz: ## Fuzz until stopped, a minute for each target in turn (FUZZTIME=60s: each once, this long)
	@while :; do \
		for target in $(FUZZ_TARGETS); do \
			echo "== $$target"; \
			go test -run '^$$' -fuzz "^$${target##*:}$$" -fuzztime $(or $(FUZZTIME),60s) "$${target%:*}" || exit 1; \
		done; \
		[ -z '$(FUZZTIME)' ] || break; \
	done

up: ## Start Apache Kafka and the service in containers (needs Docker)
	docker compose up --build --detach --wait

down: ## Stop the containers; their volumes stay
	docker compose down

kafka: ## Start an Apache Kafka for the tests on this machine (needs a JDK and Maven; BROKERS=3)
	@BROKERS='$(BROKERS)' .ci/kafka/kafka.sh start

kafka-stop: ## Stop the Apache Kafka that make kafka started
	@.ci/kafka/kafka.sh stop

# app/chaos first, by itself: other services refuse to start over messages that wait in its retry topics.
test-kafka: ## Run the tests against the cluster KAFKA_BROKERS=host:port,...
	@[ -n '$(KAFKA_BROKERS)' ] || { echo 'make test-kafka: say which cluster: KAFKA_BROKERS=host:port,... (make kafka starts one)' >&2; exit 2; }
	KAFKA_BROKERS='$(KAFKA_BROKERS)' go test -tags kafka -count=1 -timeout 20m ./app/chaos
	KAFKA_BROKERS='$(KAFKA_BROKERS)' go test -tags kafka -count=1 -timeout 20m $$(go list ./app/... | grep -v /app/chaos$$)

# In app, those alone that the tag adds: the others are make test's.
test-redis: ## Run the tests of the store in Redis and of several instances (needs redis-server)
	@command -v redis-server >/dev/null || { echo 'make test-redis: there is no redis-server: install it (on Debian: apt-get install redis-server)' >&2; exit 2; }
	go test -tags redis -count=1 ./app/store/...
	go test -tags redis -count=1 -run 'Redis|Instances' ./app

test-browser: ## Drive the console's pages in a browser (needs Chromium; SCREENSHOTS=folder keeps pictures)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| { echo 'make test-browser: there is no Chromium: install it (on Debian: apt-get install chromium)' >&2; exit 2; }
	go vet -tags browser ./app
	go test -tags browser -count=1 -run Browser ./app

# CHAOS_SEED repeats a run's faults, CHAOS_KILLS and CHAOS_RATE make it shorter or lighter, CHAOS_DELIVERY=at_least_once
# only counts what stands twice in a topic, and CHAOS_WRITE=1 writes the result into docs/chaos.md.
chaos: ## Prove the promises under faults, for ten minutes (needs a JDK, Maven and redis-server)
	@.ci/chaos
