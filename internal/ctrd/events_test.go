package ctrd

import (
	"testing"
	"time"

	eventsapi "github.com/containerd/containerd/api/events"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stackup.dev/stackup/internal/inspect"
)

func TestTranslate(t *testing.T) {
	at := time.Unix(7, 8).UTC()
	tests := []struct {
		name string
		in   any
		want any
	}{
		{"exit of the main process", &eventsapi.TaskExit{ContainerID: "c", ID: "c", ExitStatus: 3, ExitedAt: timestamppb.New(at)}, inspect.Exit{ID: "c", Code: 3, At: at}},
		{"exit of an exec", &eventsapi.TaskExit{ContainerID: "c", ID: "exec-1", ExitStatus: 3}, nil},
		{"start", &eventsapi.TaskStart{ContainerID: "c"}, inspect.Change{ID: "c"}},
		{"task gone", &eventsapi.TaskDelete{ContainerID: "c"}, inspect.Change{ID: "c"}},
		{"made", &eventsapi.ContainerCreate{ID: "c"}, inspect.Change{ID: "c"}},
		{"written", &eventsapi.ContainerUpdate{ID: "c"}, inspect.Change{ID: "c"}},
		{"removed", &eventsapi.ContainerDelete{ID: "c"}, inspect.Change{ID: "c"}},
		{"out of memory", &eventsapi.TaskOOM{ContainerID: "c"}, inspect.OutOfMemory{ID: "c"}},
		{"not asked for", &eventsapi.TaskCreate{ContainerID: "c"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := typeurl.MarshalAny(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, translate(a)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got := translate(anyValue{url: "no.such/type", value: []byte("{}")}); got != nil {
		t.Errorf("an unknown type gave %v", got)
	}
}
