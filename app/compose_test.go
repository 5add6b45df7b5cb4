package app_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/config"
)

func TestComposeKafka(t *testing.T) {
	project := loadCompose(t)
	kafka := service(t, project, "kafka")

	t.Run("image is the release that the tests run against", func(t *testing.T) {
		var pom struct {
			Version string `xml:"properties>kafka.version"`
		}
		if err := xml.Unmarshal(readFile(t, ".ci/kafka/pom.xml"), &pom); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("apache/kafka:"+pom.Version, kafka.Image); diff != "" {
			t.Errorf("image (-want +got):\n%s", diff)
		}
	})

	t.Run("both listeners are advertised", func(t *testing.T) {
		advertised := listeners(kafka, "KAFKA_ADVERTISED_LISTENERS")
		want := map[string]string{"NETWORK": "kafka:19092", "HOST": "localhost:9092"}
		if diff := cmp.Diff(want, advertised); diff != "" {
			t.Errorf("advertised listeners (-want +got):\n%s", diff)
		}
		bound := listeners(kafka, "KAFKA_LISTENERS")
		for name, address := range advertised {
			_, port, _ := strings.Cut(address, ":")
			if bound[name] != ":"+port {
				t.Errorf("%s is advertised as %s but bound to %q", name, address, bound[name])
			}
		}
	})

	t.Run("topics are not created by accident", func(t *testing.T) {
		if got := env(kafka, "KAFKA_AUTO_CREATE_TOPICS_ENABLE"); got != "false" {
			t.Errorf("KAFKA_AUTO_CREATE_TOPICS_ENABLE is %q, want false", got)
		}
	})

	t.Run("health check asks the broker", func(t *testing.T) {
		check := kafka.HealthCheck
		if check == nil || check.Disable {
			t.Fatal("kafka has no health check")
		}
		if got := strings.Join(check.Test, " "); !strings.Contains(got, "--bootstrap-server kafka:19092") {
			t.Errorf("the health check is %q, which does not ask the listener of the network", got)
		}
	})

	t.Run("data stands in a named volume", func(t *testing.T) {
		wantVolume(t, project, kafka, env(kafka, "KAFKA_LOG_DIRS"))
	})
}

func TestComposeService(t *testing.T) {
	project := loadCompose(t)
	notify := service(t, project, "kafka-notify")

	t.Run("waits until Kafka and Redis are healthy", func(t *testing.T) {
		for _, name := range []string{"kafka", "redis"} {
			dependency, ok := notify.DependsOn[name]
			if !ok || dependency.Condition != types.ServiceConditionHealthy {
				t.Errorf("depends_on %s: %+v, want the condition %s", name, dependency, types.ServiceConditionHealthy)
			}
		}
	})

	t.Run("is built by the Dockerfile", func(t *testing.T) {
		if notify.Build == nil {
			t.Fatal("no build section")
		}
		readFile(t, notify.Build.Dockerfile)
	})

	conf, err := config.Load(os.LookupEnv, filepath.Join(root, configFile(t, notify)))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("has time to finish what is in flight", func(t *testing.T) {
		grace := notify.StopGracePeriod
		if grace == nil || time.Duration(*grace) <= conf.ShutdownTimeout {
			t.Errorf("stop_grace_period is %v, want more than shutdown_timeout, which is %v", grace, conf.ShutdownTimeout)
		}
	})

	t.Run("listens where its port is published", func(t *testing.T) {
		if len(notify.Ports) != 1 {
			t.Fatalf("ports: %v, want one", notify.Ports)
		}
		// Docker reaches a container by its own address, so the service must not listen on loopback only, which is what
		// it insists on unless told otherwise.
		want := fmt.Sprintf("0.0.0.0:%d", notify.Ports[0].Target)
		if conf.HTTP.Listen != want || !conf.HTTP.Insecure {
			t.Errorf("http.listen is %s, http.insecure %t; want %s, true", conf.HTTP.Listen, conf.HTTP.Insecure, want)
		}
	})

	t.Run("uses the listener of the network", func(t *testing.T) {
		network := listeners(service(t, project, "kafka"), "KAFKA_ADVERTISED_LISTENERS")["NETWORK"]
		if diff := cmp.Diff([]string{network}, conf.Kafka.Brokers); diff != "" {
			t.Errorf("kafka.brokers (-want +got):\n%s", diff)
		}
	})

	t.Run("keeps its claims in the Redis of the network", func(t *testing.T) {
		if conf.Store.Redis == nil || conf.Store.Redis.Address() != "redis:6379" {
			t.Errorf("store: %+v, want redis:6379", conf.Store)
		}
	})
}

func TestComposeRedis(t *testing.T) {
	project := loadCompose(t)
	redis := service(t, project, "redis")
	if want := regexp.MustCompile(`^redis:\d+\.\d+\.\d+$`); !want.MatchString(redis.Image) {
		t.Errorf("the image is %q, want a pinned release", redis.Image)
	}
	// The service refuses to start with any other.
	want := types.ShellCommand{"redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"}
	if diff := cmp.Diff(want, redis.Command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	if check := redis.HealthCheck; check == nil || check.Disable || !slices.Contains(check.Test, "ping") {
		t.Errorf("the health check %+v does not ask Redis", check)
	}
	wantVolume(t, project, redis, "/data")
}

// A configuration is one file, so the containers' repeats what the default one says about notifications.
func TestComposeConfigurationRepeatsTheDefault(t *testing.T) {
	var standard, container map[string]any
	for name, into := range map[string]*map[string]any{"config/kafka-notify.yaml": &standard, "config/docker.yaml": &container} {
		if err := yaml.Unmarshal(readFile(t, name), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, surroundings := range []string{"http", "kafka", "store", "log"} {
			delete(*into, surroundings)
		}
	}
	if len(standard) == 0 {
		t.Fatal("the default configuration says nothing about notifications")
	}
	if diff := cmp.Diff(standard, container); diff != "" {
		t.Errorf("config/docker.yaml differs from config/kafka-notify.yaml (-default +docker):\n%s", diff)
	}
}

func TestComposePublishesOnLoopbackOnly(t *testing.T) {
	published := 0
	for _, s := range loadCompose(t).Services {
		for _, port := range s.Ports {
			published++
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %s on %q, want 127.0.0.1", s.Name, port.Published, port.HostIP)
			}
		}
	}
	if published != 2 {
		t.Errorf("%d ports are published, want the broker's and the service's", published)
	}
}

func TestDockerfile(t *testing.T) {
	text := string(readFile(t, "Dockerfile"))
	instructions := map[string][]string{}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if word, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok && word != "#" {
			instructions[word] = append(instructions[word], rest)
		}
	}

	stages := instructions["FROM"]
	if len(stages) != 2 {
		t.Fatalf("stages: %q, want one that builds and one that runs", stages)
	}
	if want := regexp.MustCompile(`^golang:1\.26\.\d+-\w+ AS build$`); !want.MatchString(stages[0]) {
		t.Errorf("the build stage is from %q, want a pinned Go release", stages[0])
	}
	if want := regexp.MustCompile(`^gcr\.io/distroless/static-debian\d+:nonroot$`); !want.MatchString(stages[1]) {
		t.Errorf("the last stage is from %q, want distroless static, nonroot", stages[1])
	}
	for _, tt := range []struct{ instruction, want string }{
		{"RUN", `CGO_ENABLED=0 go build .*-o /out/kafka-notify \./app/kafka-notify$`},
		{"COPY", `^--from=build /out/kafka-notify /usr/local/bin/kafka-notify$`},
		{"COPY", `^--from=build --chown=nonroot:nonroot /out/data /data$`},
		{"USER", `^nonroot(:nonroot)?$`},
		{"EXPOSE", `^8080$`},
		{"ENTRYPOINT", `^\["/usr/local/bin/kafka-notify"\]$`},
	} {
		if !slices.ContainsFunc(instructions[tt.instruction], regexp.MustCompile(tt.want).MatchString) {
			t.Errorf("no %s matches %s: %q", tt.instruction, tt.want, instructions[tt.instruction])
		}
	}
}

func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "compose.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func service(t *testing.T, project *types.Project, name string) types.ServiceConfig {
	t.Helper()
	s, err := project.GetService(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func env(s types.ServiceConfig, name string) string {
	if value := s.Environment[name]; value != nil {
		return *value
	}
	return ""
}

// listeners are the addresses of NAME://address,NAME://address by name.
func listeners(s types.ServiceConfig, variable string) map[string]string {
	byName := map[string]string{}
	for listener := range strings.SplitSeq(env(s, variable), ",") {
		name, address, _ := strings.Cut(listener, "://")
		byName[name] = address
	}
	return byName
}

// wantVolume checks that a folder of a container outlives the container.
func wantVolume(t *testing.T, project *types.Project, s types.ServiceConfig, folder string) {
	t.Helper()
	for _, v := range s.Volumes {
		if v.Target == folder && v.Type == types.VolumeTypeVolume {
			if _, declared := project.Volumes[v.Source]; declared {
				return
			}
		}
	}
	t.Errorf("%s: no named volume is mounted on %q: %+v", s.Name, folder, s.Volumes)
}

// configFile finds the file that the container's --config names among those of the repository.
func configFile(t *testing.T, s types.ServiceConfig) string {
	t.Helper()
	i := slices.Index(s.Command, "--config")
	if i < 0 || i+1 == len(s.Command) {
		t.Fatalf("the command %q names no configuration", s.Command)
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Volumes {
		rest, inside := strings.CutPrefix(s.Command[i+1], v.Target+"/")
		if !inside || v.Type != types.VolumeTypeBind {
			continue
		}
		path, err := filepath.Rel(top, filepath.Join(v.Source, rest))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Fatalf("%s lies in no folder that is mounted: %+v", s.Command[i+1], s.Volumes)
	return ""
}

// readFile takes a path from the top of the repository.
func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
