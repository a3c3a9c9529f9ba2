// SPDX-License-Identifier: MIT
//
// tests/apps/go-net.test. serve PORT TLSPORT: a server by net/http, until SIGTERM. serve client HOST PORT TLSPORT: its client.
package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type node struct {
	left, right *node
	pad         [6]uint64
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{left: tree(depth - 1), right: tree(depth - 1)}
}

func (n *node) count() int {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

func handlers() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/site/", http.StripPrefix("/site/", http.FileServer(http.Dir("site"))))
	mux.HandleFunc("/work/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/work/"))
		var h [32]byte
		for i := 0; i < n; i++ {
			h = sha256.Sum256(h[:])
		}
		fmt.Fprintf(w, "%x\n", h)
	})
	mux.HandleFunc("/tree/", func(w http.ResponseWriter, r *http.Request) { // garbage, collected while others answer
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/tree/"))
		fmt.Fprintln(w, tree(n).count())
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open("site/words")
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.Copy(z, f)
		z.Close()
	})
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < 20; i++ {
			fmt.Fprintf(w, "%d,", i)
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/later", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(3 * time.Millisecond):
			fmt.Fprintln(w, "later")
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/up", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		fmt.Fprintf(w, "%s %d %x %v\n", r.Method, n, h.Sum(nil), err)
	})
	return mux
}

func serve(port, secure string) {
	plain := &http.Server{Addr: "0.0.0.0:" + port, Handler: handlers()}
	tls := &http.Server{Addr: "0.0.0.0:" + secure, Handler: handlers()}
	var wait sync.WaitGroup
	wait.Add(2)
	go func() { defer wait.Done(); fmt.Println(plain.ListenAndServe()) }()
	go func() { defer wait.Done(); fmt.Println(tls.ListenAndServeTLS("server.pem", "server.pem")) }()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	plain.Shutdown(limit)
	tls.Shutdown(limit)
	wait.Wait()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println("collected", m.NumGC > 3)
	os.Exit(5)
}

func client(host, port, secure string) {
	c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 8, ForceAttemptHTTP2: true}}
	paths := []string{"/site/words", "/work/1000", "/chunks", "/later", "/none", "/up"}
	var lines []string
	var lock sync.Mutex
	var wait sync.WaitGroup
	var failed int32
	for i := 0; i < 12; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			base := "http://" + host + ":" + port
			if i%3 == 0 {
				base = "https://" + host + ":" + secure
			}
			for k := range paths {
				path := paths[(i+k)%len(paths)]
				r, err := c.Post(base+path, "text/plain", strings.NewReader(strings.Repeat(strconv.Itoa(i), 50000)))
				if err != nil {
					fmt.Println(err)
					atomic.StoreInt32(&failed, 1)
					continue
				}
				b, err := io.ReadAll(r.Body)
				r.Body.Close()
				lock.Lock()
				lines = append(lines, fmt.Sprintf("%02d %s %s %s %x %v", i, r.Proto, path, r.Status, sha256.Sum256(b), err))
				lock.Unlock()
			}
		}(i)
	}
	wait.Wait()
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, "\n"))
	os.Exit(int(failed))
}

func main() {
	if os.Args[1] == "client" {
		client(os.Args[2], os.Args[3], os.Args[4])
	}
	serve(os.Args[1], os.Args[2])
}
