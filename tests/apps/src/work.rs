// SPDX-License-Identifier: MIT
//
// Threads, channels, locks, condition variables, thread-local data, a caught panic, files.
// What it prints does not depend on timing.
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

thread_local!(static MINE: Cell<u64> = Cell::new(0));

fn channels() -> u64 {
    let (tx, rx) = mpsc::channel();
    for t in 0..8u64 {
        let tx = tx.clone();
        thread::spawn(move || {
            for i in 0..5000 {
                tx.send(t * i).unwrap();
            }
        });
    }
    drop(tx);
    rx.iter().sum()
}

fn locks() -> (u64, usize, u64) {
    let total = Arc::new(Mutex::new(0u64));
    let map = Arc::new(RwLock::new(HashMap::new()));
    let atomic = Arc::new(AtomicU64::new(0));
    let barrier = Arc::new(Barrier::new(6));
    let handles: Vec<_> = (0..6u64)
        .map(|t| {
            let (total, map, atomic, barrier) = (total.clone(), map.clone(), atomic.clone(), barrier.clone());
            thread::Builder::new()
                .name(format!("worker {}", t))
                .stack_size(256 << 10)
                .spawn(move || {
                    barrier.wait();
                    for i in 0..3000u64 {
                        *total.lock().unwrap() += i;
                        atomic.fetch_add(t, Ordering::Relaxed);
                        MINE.with(|m| m.set(m.get() + i));
                        if i % 100 == 0 {
                            map.write().unwrap().insert((t, i), i);
                        } else if map.read().unwrap().len() > 1 << 20 {
                            panic!("too many");
                        }
                    }
                    assert_eq!(MINE.with(|m| m.get()), 2999 * 3000 / 2);
                })
                .unwrap()
        })
        .collect();
    for h in handles {
        h.join().unwrap();
    }
    let (sum, len) = (*total.lock().unwrap(), map.read().unwrap().len());
    (sum, len, atomic.load(Ordering::SeqCst))
}

// Two threads hand a turn back and forth: every step is a futex wait and wake.
fn turns() -> u32 {
    let pair = Arc::new((Mutex::new(0u32), Condvar::new()));
    let other = pair.clone();
    let h = thread::spawn(move || {
        let mut turn = other.0.lock().unwrap();
        while *turn < 4000 {
            while *turn % 2 == 0 && *turn < 4000 {
                turn = other.1.wait(turn).unwrap();
            }
            *turn += 1;
            other.1.notify_one();
        }
    });
    let mut turn = pair.0.lock().unwrap();
    while *turn < 4000 {
        while *turn % 2 == 1 && *turn < 4000 {
            turn = pair.1.wait(turn).unwrap();
        }
        *turn += 1;
        pair.1.notify_one();
    }
    drop(turn);
    h.join().unwrap();
    let last = *pair.0.lock().unwrap();
    last / 4000
}

fn panics() -> String {
    let r = thread::Builder::new().name("unlucky".into()).spawn(|| {
        let v: Vec<u32> = Vec::new();
        v[std::env::args().count()]
    });
    match r.unwrap().join() {
        Ok(_) => "no panic".into(),
        Err(e) => e.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

fn files() -> std::io::Result<(usize, u64)> {
    let mut words = BTreeMap::new();
    for line in BufReader::new(fs::File::open("words")?).lines() {
        let line = line?;
        *words.entry(line.split(' ').nth(1).unwrap_or("").to_string()).or_insert(0u64) += 1;
    }
    fs::create_dir_all("made/deep")?;
    let mut f = fs::File::create("made/deep/counts")?;
    for (w, n) in &words {
        writeln!(f, "{:<10}{}", w, n)?;
    }
    f.sync_all()?;
    fs::copy("made/deep/counts", "made/copy")?;
    fs::rename("made/copy", "made/moved")?;
    Ok((words.len(), fs::metadata("made/moved")?.len()))
}

fn main() {
    let start = Instant::now();
    println!("channels {}", channels());
    println!("locks {:?}", locks());
    println!("turns {}", turns());
    println!("panic {:?}", panics());
    println!("files {:?}", files().map_err(|e| e.to_string()));
    println!("missing {:?}", fs::File::open("missing").map_err(|e| e.kind()).err());
    thread::sleep(Duration::from_millis(10));
    thread::park_timeout(Duration::from_millis(5));
    println!("slept {}", start.elapsed() >= Duration::from_millis(10));
    std::process::exit(12);
}
