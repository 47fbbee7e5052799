package spec

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// full is a service with every field set.
func full() *Service {
	s, some := first(), uint64(10)
	s.NetworkMode = NetworkNone
	s.Files = []File{{Kind: KindSecret, Source: "db", Target: "/run/secrets/db", UID: -1, GID: -1, Mode: 0o444, Digest: "sha256:00"}}
	s.Security = Security{CapAdd: []string{"CAP_NET_ADMIN"}, CapDrop: []string{"ALL"}, NoNewPrivileges: true, Seccomp: "unconfined", Unmasked: true}
	s.Namespaces = Namespaces{IPC: true, PID: true, UTS: true, Cgroup: true}
	s.Resources = Resources{
		CPUs: 0.5, CPUSet: "0", CPUShares: 512, Memory: 64 << 20, MemorySwap: -1, Pids: 10,
		BlkioWeight: 300, BlkioReadBps: []BlkioPer{{"/dev/sda", 1 << 20}},
	}
	s.Fixed = FixedResources{MemorySwappiness: &some, OOMKillDisable: true, CPURTRuntime: 5}
	s.GroupAdd, s.Sysctls = []string{"mail"}, []Pair{{"net.core.somaxconn", "1024"}}
	s.Ulimits, s.ShmSize = []Ulimit{{"nofile", 10, 20}}, 1<<20
	s.Devices, s.DeviceRules = []Device{{"/dev/null", "/dev/nothing", "r"}}, []string{"c 1:3 rwm"}
	mask := uint32(0o27)
	s.Security.Mask, s.Security.Unmask, s.Security.Labels = []string{"/a"}, []string{"/b"}, []string{"type:c"}
	s.PreStart, s.Job = []PreStart{{PerReplica: true, Service: Service{Name: "web", Command: []string{"a"}}}}, JobManual
	s.DiskSize = 1 << 30
	s.CDI, s.Umask, s.Runtime, s.CgroupParent = []string{"example.com/device=one"}, &mask, "crun", "some/group"
	s.Domainname, s.ExtraHosts = "example.test", []Host{{"gate", []string{"host-gateway"}}}
	s.DNS = DNS{Servers: []string{"192.0.2.1"}, Search: []string{"example.test"}, Options: []string{"ndots:2"}}
	s.PostStart, s.PreStop = []Hook{{Command: []string{"a"}, User: "u"}}, []Hook{{Command: []string{"b"}, Environment: []Pair{{"A", "b"}}}}
	s.VolumesFrom = []Lender{{Container: "other-db-1", ReadOnly: true}}
	s.Links = []Link{{Service: "db", Alias: "database"}, {Container: "other-db-1", Alias: "old"}}
	s.TTY, s.StdinOpen, s.OOMScoreAdj = true, true, 100
	s.Annotations, s.Logging, s.Detached = []Pair{{"a", "b"}}, Logging{MaxSize: 1 << 20, MaxFiles: 2}, true
	return s
}

// first is a service with every field set that the first version had.
func first() *Service {
	return &Service{
		Name: "web", Image: "docker.io/library/nginx:1", ContainerName: "front", Replicas: 1,
		Entrypoint: []string{"/entry"}, Command: []string{"run", "it"},
		Environment: []Pair{{"A", "1"}, {"DB_PASSWORD", "hidden"}},
		WorkingDir:  "/w", User: "1:1", Hostname: "h", Init: true, ReadOnly: true,
		Mounts: []Mount{
			{Type: MountBind, Source: "/src", Target: "/dst", ReadOnly: true, CreateHostPath: true},
			{Type: MountTmpfs, Target: "/tmp", Size: 1 << 20, Mode: 0o700, Options: []string{"noexec"}},
		},
		Ports:       []Port{{HostIP: "127.0.0.1", HostPort: 8080, HostPortEnd: 8080, Target: 80, Protocol: "tcp"}},
		Networks:    []Attachment{{Network: "default", Aliases: []string{"www"}}},
		DependsOn:   []Dependency{{"db", Healthy, false}},
		Healthcheck: &Healthcheck{Test: []string{"CMD", "true"}, Retries: 5},
		Restart:     Restart{Policy: RestartOnFailure, MaxRetries: 3},
		Labels:      []Pair{{"foo", "bar"}},
		StopSignal:  "SIGINT", StopGrace: Duration(5 * time.Second),
		Watch: []WatchRule{{Path: "/p", Action: "sync", Target: "/t"}},
	}
}

// TestHashIsPinned: containers that run carry this hash. If it must change,
// raise hashVersion, or every container is recreated for nothing.
func TestHashIsPinned(t *testing.T) {
	const want = "v1:d2294cd4cb9bc8a7d77e0c030dd4dd8c6bbb7f53c3bd78dfe9edb07cb1508d4f"
	if got := first().Hash(); got != want {
		t.Errorf("hash of a service of the first version:\n got %s\nwant %s", got, want)
	}
	const all = "v1:e82b6975f414950fbffba6203a9d76276a314b506af91ed278b2e713512ddaf0"
	if got := full().Hash(); got != all {
		t.Errorf("hash of the full service:\n got %s\nwant %s", got, all)
	}
}

// TestEveryFieldHasAClass: a new field of Service must be classed.
func TestEveryFieldHasAClass(t *testing.T) {
	classed := map[string]field{}
	for _, f := range fields() {
		classed[f.goName] = f
		if (f.class == ignored) != (f.flatten == nil) {
			t.Errorf("%s: an ignored field has no text, others have one", f.goName)
		}
	}
	typ := reflect.TypeFor[Service]()
	for i := range typ.NumField() {
		if _, ok := classed[typ.Field(i).Name]; !ok {
			t.Errorf("Service.%s is neither recreate, live nor ignored", typ.Field(i).Name)
		}
		delete(classed, typ.Field(i).Name)
	}
	for name := range classed {
		t.Errorf("fields() has %s, Service has not", name)
	}
}

// TestClassDecidesWhatAChangeDoes clears each field of a full service.
func TestClassDecidesWhatAChangeDoes(t *testing.T) {
	honoured := newRefuser(nil, nil, nil).rows
	for _, f := range fields() {
		t.Run(f.name, func(t *testing.T) {
			old, now := full(), full()
			reflect.ValueOf(now).Elem().FieldByName(f.goName).SetZero()
			recreated, lived := DiffRecreate(old, now), DiffLive(old, now)
			if got, want := old.Hash() != now.Hash(), f.class == recreate; got != want {
				t.Errorf("hash differs: %v, want %v", got, want)
			}
			if got, want := len(recreated) > 0, f.class == recreate; got != want {
				t.Errorf("DiffRecreate = %v", recreated)
			}
			if got, want := len(lived) > 0, f.class == live; got != want {
				t.Errorf("DiffLive = %v", lived)
			}
			for _, c := range append(recreated, lived...) {
				attr, _, _ := strings.Cut(c.Field, ".")
				attr, _, _ = strings.Cut(attr, "[")
				if _, ok := honoured["services.*."+attr]; !ok {
					t.Errorf("field %q does not start with an attribute that is honoured", c.Field)
				}
			}
		})
	}
}

func TestDiffNamesTheField(t *testing.T) {
	old, now := full(), full()
	now.Environment = []Pair{{"DB_PASSWORD", "other"}, {"LOG_LEVEL", "debug"}}
	now.Mounts = now.Mounts[:1]
	now.Ports[0].HostPort, now.Ports[0].HostPortEnd = 0, 0
	now.Command = []string{}
	want := []Change{
		{Field: "command", Old: `["run","it"]`, New: "[]"},
		{Field: "environment.A", Old: "1"},
		{Field: "environment.DB_PASSWORD", Old: "hidden", New: "other", Secret: true},
		{Field: "environment.LOG_LEVEL", New: "debug"},
		{Field: "ports", Old: "127.0.0.1:8080:80/tcp", New: "127.0.0.1:0:80/tcp"},
		{Field: "volumes./tmp", Old: "tmpfs size=1048576 mode=700 noexec"},
	}
	if diff := cmp.Diff(want, DiffRecreate(old, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	now = full()
	now.Healthcheck.Interval = Duration(time.Second)
	now.Labels = nil
	want = []Change{
		{Field: "healthcheck.interval", Old: "30s", New: "1s"},
		{Field: "labels.foo", Old: "bar"},
	}
	if diff := cmp.Diff(want, DiffLive(old, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAbsentAndClearedDiffer: nil is the image's own command, empty is none.
func TestAbsentAndClearedDiffer(t *testing.T) {
	absent, cleared := full(), full()
	absent.Command, cleared.Command = nil, []string{}
	if absent.Hash() == cleared.Hash() {
		t.Error("an absent and a cleared command have the same hash")
	}
}

func TestLooksSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"DB_PASSWORD": true, "PGPASSWORD": true, "apiKey": true, "AUTH_TOKEN": true, "environment.GITHUB_TOKEN": true,
		"aws_secret_access_key": true, "KEY2": true, "private.pem": true, "authToken": true, "GOOGLE_CREDENTIALS": true,
		"MONKEY": false, "AUTHOR": false, "KEYBOARD": false, "TOKENIZER": false, "LOG_LEVEL": false, "PRIVATELY": false, "PASSENGER": false,
	} {
		if got := LooksSecret(name); got != want {
			t.Errorf("LooksSecret(%q) = %v", name, got)
		}
	}
	if c := change("environment.DATABASE_URL", "", "postgres://u:p@db/x"); !c.Secret {
		t.Error("an address with a password in it is not masked")
	}
}
