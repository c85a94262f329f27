// A server as Go's documentation has it, with Shutdown at TERM: server HOST:PORT [MOMENT]
package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	moment := 10 * time.Millisecond // an answer takes a moment, as one that asks a database does
	if len(os.Args) > 2 {
		moment, _ = time.ParseDuration(os.Args[2])
	}
	server := &http.Server{
		Addr: os.Args[1],
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(moment)
			io.WriteString(w, "a right answer\n")
		}),
	}
	stopped := make(chan struct{})
	go func() {
		terminate := make(chan os.Signal, 1)
		signal.Notify(terminate, syscall.SIGTERM)
		<-terminate
		server.Shutdown(context.Background())
		close(stopped)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-stopped
}
