package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// load brings an image archive in, as docker load does.
func (e *dockerEngine) load(ctx context.Context, archive string) error {
	copied := filepath.Join(e.dir, "image.tar")
	if err := forDocker(archive, copied); err != nil {
		return err
	}
	f, err := os.Open(copied)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	body, err := e.call(ctx, http.MethodPost, "/images/load?quiet=1", f)
	if err != nil {
		return fmt.Errorf("load %s: %w", filepath.Base(archive), err)
	}
	if !strings.Contains(string(body), "Loaded image") {
		return fmt.Errorf("load %s: %s", filepath.Base(archive), LastLine(body))
	}
	return nil
}

// version is what the engine says of itself.
func (e *dockerEngine) version(ctx context.Context) string {
	var v struct {
		Version string
		API     string `json:"ApiVersion"`
	}
	body, err := e.call(ctx, http.MethodGet, "/version", nil)
	if err == nil {
		err = json.Unmarshal(body, &v)
	}
	if err != nil {
		return "unknown"
	}
	return v.Version + " (API " + v.API + ")"
}

// call asks the engine's own API.
func (e *dockerEngine) call(ctx context.Context, method, path string, body io.Reader) (answer []byte, err error) {
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", e.socket())
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-tar")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	answer, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", resp.Status, LastLine(answer))
	}
	return answer, err
}
