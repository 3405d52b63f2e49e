//! Threads for connections that move much, so that small ones need not wait for them.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use super::super::LocalAddresses;
use super::super::command::Command;
use super::super::pipes::Pipes;
use super::super::poller::Inbox;
use super::flow::Flow;

/// Threads at most; fewer on machines with fewer processors.
const MOST: usize = 4;

/// The threads, made when they are first needed.
#[derive(Debug)]
pub(super) struct Workers {
    local: LocalAddresses,
    pipes: Pipes,
    most: usize,
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    inbox: Arc<Inbox<Command>>,
    load: Arc<AtomicUsize>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Workers {
    pub(super) fn new(local: LocalAddresses, pipes: Pipes) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { local, pipes, most: processors.min(MOST), workers: Vec::new() }
    }

    /// Gives a flow to the thread with the fewest; back if there is no thread to be had.
    pub(super) fn adopt(&mut self, flow: Box<Flow>) -> Result<(), Box<Flow>> {
        let load = |worker: &Worker| worker.load.load(Ordering::Relaxed);
        if self.workers.iter().all(|worker| load(worker) > 0) && self.workers.len() < self.most {
            self.workers.extend(Worker::spawn(&self.local, &self.pipes));
        }
        let Some(worker) = self.workers.iter().min_by_key(|worker| load(worker)) else { return Err(flow) };
        worker.load.fetch_add(1, Ordering::Relaxed);
        worker.inbox.post(Command::Adopt(flow));
        Ok(())
    }

    /// Resets connections in all threads.
    pub(super) fn forget(&self, addresses: &[IpAddr]) {
        for worker in &self.workers {
            let (done, answer) = sync_channel(1);
            worker.inbox.post(Command::Forget { addresses: addresses.to_vec(), done });
            let _ = answer.recv();
        }
    }
}

impl Worker {
    fn spawn(local: &LocalAddresses, pipes: &Pipes) -> io::Result<Self> {
        let (inbox, load) = (Inbox::new()?, Arc::<AtomicUsize>::default());
        let (letters, count, local, pipes) = (inbox.clone(), load.clone(), local.clone(), pipes.clone());
        let builder =
            std::thread::Builder::new().name("forward-big".to_owned()).stack_size(super::super::STACK);
        let thread = builder.spawn(move || super::work(letters, local, pipes, count))?;
        Ok(Self { inbox, load, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.inbox.post(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
