// Package ui turns plans, events and listings into text for people and into
// JSON for programs. It decides nothing and acts on nothing.
//
// Everything that came from a file, an image or a container is treated as
// hostile: it passes Sanitize or is quoted before it meets a terminal.
package ui
