// SPDX-License-Identifier: MIT
//
// Goroutines, channels, timers, garbage under pressure, maps, files, panics and faults that are
// recovered, and the runtime's own preemption signals. What it prints does not depend on timing.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type node struct {
	left, right *node
	value       int
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{value: 1}
	}
	return &node{tree(depth - 1), tree(depth - 1), depth}
}

func (n *node) sum() int {
	if n == nil {
		return 0
	}
	return n.value + n.left.sum() + n.right.sum()
}

// Garbage: several goroutines build and drop trees while one map stays alive.
func garbage() {
	debug.SetGCPercent(20)
	keep := make(map[string][]byte)
	for i := 0; i < 20000; i++ {
		keep[fmt.Sprint("key", i)] = bytes.Repeat([]byte{byte(i)}, 100)
	}
	var wg sync.WaitGroup
	var total int64
	for g := 0; g < 8; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 12; i++ {
				atomic.AddInt64(&total, int64(tree(13).sum()))
			}
		}()
	}
	wg.Wait()
	h := sha256.New()
	keys := make([]string, 0, len(keep))
	for k := range keep {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		h.Write(keep[k])
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("garbage %d %x, collected %v\n", total, h.Sum(nil)[:8], m.NumGC > 3)
}

// A pipeline of 1,000 goroutines, each adding one.
func pipeline() {
	first := make(chan int)
	in := first
	for i := 0; i < 1000; i++ {
		out := make(chan int)
		go func(in, out chan int) {
			for v := range in {
				out <- v + 1
			}
			close(out)
		}(in, out)
		in = out
	}
	go func() {
		for i := 0; i < 50; i++ {
			first <- i
		}
		close(first)
	}()
	sum := 0
	for v := range in {
		sum += v
	}
	fmt.Println("pipeline", sum)
}

func timers() {
	start := time.Now()
	var ticks int
	ticker := time.NewTicker(2 * time.Millisecond)
	for range ticker.C {
		if ticks++; ticks == 10 {
			break
		}
	}
	ticker.Stop()
	fired := make(chan int, 100)
	for i := 0; i < 100; i++ {
		i := i
		time.AfterFunc(time.Duration(i%10)*time.Millisecond, func() { fired <- i })
	}
	sum := 0
	for i := 0; i < 100; i++ {
		sum += <-fired
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println("timers", ticks, sum, ctx.Err(), time.Since(start) >= 20*time.Millisecond)
}

// A loop without calls must be preempted, or the other goroutine never runs on one processor.
func preempt() {
	old := runtime.GOMAXPROCS(1)
	var stop int32
	go func() {
		time.Sleep(5 * time.Millisecond)
		atomic.StoreInt32(&stop, 1)
	}()
	n := 0
	for atomic.LoadInt32(&stop) == 0 {
		n++
	}
	runtime.GOMAXPROCS(old)
	fmt.Println("preempted", n > 0)
}

func faults() {
	try := func(name string, f func()) {
		defer func() {
			r := recover()
			err, isRuntime := r.(runtime.Error)
			fmt.Println(name, isRuntime, err)
		}()
		f()
	}
	var p *node
	zero := 0
	try("null", func() { fmt.Println(p.value) })
	try("divide", func() { fmt.Println(1 / zero) })
	try("index", func() { fmt.Println([]int{1}[len(os.Args)+5]) })
}

func signals() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		fmt.Println(err)
	}
	fmt.Println("signal", <-c)
}

func files() {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for i := 0; i < 5000; i++ {
		fmt.Fprintf(z, "line %d %x\n", i, i*i)
	}
	z.Close()
	if err := os.WriteFile("out.gz", b.Bytes(), 0o644); err != nil {
		fmt.Println(err)
	}
	os.MkdirAll("dir/a/b", 0o755)
	for i := 0; i < 20; i++ {
		os.WriteFile(fmt.Sprintf("dir/a/f%02d", i), []byte(strings.Repeat("x", i)), 0o600)
	}
	os.Rename("dir/a/f03", "dir/a/b/moved")
	os.Remove("dir/a/f04")
	count := 0
	filepath.WalkDir("dir", func(_ string, _ fs.DirEntry, err error) error {
		count++
		return err
	})
	_, err := os.Open("missing")
	j, _ := json.Marshal(map[string]any{"count": count, "missing": errors.Is(err, fs.ErrNotExist), "err": err.Error()})
	fmt.Println(string(j))
}

func main() {
	pipeline()
	garbage()
	timers()
	preempt()
	faults()
	signals()
	files()
	os.Exit(11)
}
