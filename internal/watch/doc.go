// Package watch tells what changes below folders and files.
//
// It knows no stack: a caller names roots and what of them it wants, and gets
// batches of changed paths. Folders that nobody wants are neither watched nor
// walked. What a batch means is the caller's to see: a path that is not there
// any more has gone.
package watch
