package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"stackup.dev/stackup/bench/internal/report"
)

const (
	poll   = 2 * time.Millisecond
	answer = 100 * time.Millisecond // a try that takes longer is given up
	late   = 20 * time.Second       // after up has ended
)

// nginx measures from when up is issued to the first page that is served.
func (s *sequence) nginx(ctx context.Context) error {
	file, err := s.stacks.nginx()
	if err != nil {
		return err
	}
	asking, stop := context.WithTimeout(ctx, patience)
	defer stop()
	served := make(chan time.Time, 1)
	start := time.Now()
	go func() { served <- firstPage(asking, fmt.Sprintf("http://127.0.0.1:%d/", nginxPort)) }()
	_, err = s.timed(ctx, file, "up", "-d")
	if err != nil {
		stop() // nothing will be served
	}
	defer time.AfterFunc(late, stop).Stop()
	at := <-served
	if err == nil && at.IsZero() {
		err = errors.New("no page was served")
	}
	if err == nil {
		s.note(report.ID{Kind: report.Nginx, N: 1}, at.Sub(start).Seconds())
	}
	_, downErr := s.timed(context.WithoutCancel(ctx), file, "down")
	return errors.Join(err, downErr)
}

// firstPage asks until a page is served, and tells when; never, if ctx ends.
// Each try is a connection of its own.
func firstPage(ctx context.Context, url string) time.Time {
	client := http.Client{Timeout: answer, Transport: &http.Transport{DisableKeepAlives: true}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		if ok(ctx, &client, url) {
			return time.Now()
		}
		time.Sleep(poll)
	}
	return time.Time{}
}

func ok(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}
