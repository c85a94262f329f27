package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	generation := os.Getenv("SERVER_STARTER_GENERATION")
	server := &http.Server{
		Addr: ":8080",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "generation "+generation+"\n")
		}),
	}
	term, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		<-term.Done()
		server.Shutdown(context.Background())
		close(stopped)
	}()
	// Returns as soon as Shutdown begins, so wait for its end.
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-stopped
}
