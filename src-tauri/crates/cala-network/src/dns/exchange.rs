//! A question that others are asked: the holders of the asking container's other networks, then the resolvers in turn,
//! over TCP what does not fit into a datagram.

use std::net::SocketAddr;

use cala_holder::protocol::Request;

use super::peers::{Put, Told};
use super::pending::{Asker, Pending, Stage, Way, is_poor};
use super::poller::Token;
use super::question::Question;
use super::server::Server;
use super::table::Key;
use super::upstream::Progress;
use super::wire;
use super::zone::Finding;

impl Server {
    /// Asks others for a name that is unknown here; `finding` is what it comes to when other networks do not know it either.
    pub(super) fn ask_others(&mut self, asker: Asker, question: Question, message: &[u8], finding: Finding) {
        let networks = self.zone.also_in(asker.address);
        if networks.is_empty() && finding != Finding::Elsewhere {
            return self.answer(asker, &question, &finding);
        }
        let request = match question.name.reverse() {
            Some(address) => Request::NameOf { address },
            None => Request::Resolve { name: question.name.without_domain().to_owned() },
        };
        let (key, evicted) = self.waiting.insert(Pending::new(asker, question, message, finding, self.now));
        // Whose question had to give way asks again; an answer now would only make it faster.
        if let Some(Way::Connection(connection)) = evicted.map(|evicted| evicted.asker.way)
            && key.is_some()
        {
            self.clients.set_waiting(connection, false);
            self.come_back_to(connection);
        }
        let Some(key) = key else { return };
        if let Way::Connection(connection) = asker.way {
            self.clients.set_waiting(connection, true);
        }
        self.ask_networks(key, &networks, &request);
    }

    fn ask_networks(&mut self, key: Key, networks: &[String], request: &Request) {
        let (mut asked, mut unsure) = (0, false);
        for network in networks {
            match self.peers.ask(&self.poller, network, request, key, self.now) {
                Put::Asked => asked += 1,
                Put::Nobody => {}
                Put::Silent => unsure = true,
            }
        }
        let Some(pending) = self.waiting.get_mut(key) else { return };
        pending.unsure = unsure;
        if asked > 0 {
            self.waiting.set_stage(key, Stage::Peers(asked), self.now);
        } else {
            self.go_on(key);
        }
    }

    /// What the holders of other networks have said.
    pub(super) fn take_told(&mut self, told: Vec<Told>) {
        for Told { question, finding } in told {
            let Some(pending) = self.waiting.get_mut(question) else { continue };
            let Stage::Peers(left) = &mut pending.stage else { continue };
            *left -= 1;
            let left = *left;
            pending.unsure |= finding.is_none();
            match finding {
                Some(found) if found != Finding::Missing => {
                    if let Some(pending) = self.finish(question) {
                        self.answer(pending.asker, &pending.question, &found);
                        self.settle(pending.asker);
                    }
                }
                _ if left == 0 => self.go_on(question),
                _ => {}
            }
        }
    }

    /// Other networks do not know the name.
    fn go_on(&mut self, key: Key) {
        let Some(pending) = self.waiting.get_mut(key) else { return };
        if pending.otherwise == Finding::Elsewhere {
            let own = self.zone.servers();
            pending.set_servers(self.upstream.servers.order(&own, self.now));
            return self.ask_next(key);
        }
        let Some(pending) = self.finish(key) else { return };
        if pending.unsure {
            self.deliver(pending.asker, &pending.question, &pending.question.server_failure());
        } else {
            self.answer(pending.asker, &pending.question, &pending.otherwise);
        }
        self.settle(pending.asker);
    }

    /// Asks the next resolver, or gives up.
    fn ask_next(&mut self, key: Key) {
        self.leave_stage(key);
        while let Some(pending) = self.waiting.get_mut(key) {
            let Some(server) = pending.next_server() else { return self.give_up(key) };
            let Ok(sent) = self.upstream.ask(server, &pending.message) else { continue };
            if self.poller.add(&sent.socket, Token::Pending(key), true, false).is_ok() {
                return self.waiting.set_stage(key, Stage::Datagram(sent), self.now);
            }
        }
    }

    /// Everybody was asked: the best that was heard, or that there is no answer.
    fn give_up(&mut self, key: Key) {
        let Some(pending) = self.finish(key) else { return };
        let answer = pending.fallback.unwrap_or_else(|| pending.question.server_failure());
        self.deliver(pending.asker, &pending.question, &answer);
        self.settle(pending.asker);
    }

    /// Something happened on the socket by which a question was asked.
    pub(super) fn look_at_pending(&mut self, key: Key) {
        let Some(pending) = self.waiting.get_mut(key) else { return };
        let (progress, server) = match &mut pending.stage {
            Stage::Datagram(sent) => (sent.look(&pending.message, &mut self.buffer), sent.server),
            Stage::Stream(stream) => {
                let was_writing = stream.is_writing();
                let progress = stream.look(&pending.message, &mut self.buffer);
                if was_writing && !stream.is_writing() {
                    // Without it the loop would go round for the room to write; the deadline ends that too.
                    let _ = self.poller.modify(&stream.stream, Token::Pending(key), true, false);
                }
                (progress, stream.server)
            }
            Stage::Peers(_) | Stage::Idle => return,
        };
        match progress {
            Progress::Waiting => {}
            Progress::Failed => self.ask_next(key),
            Progress::Answered(answer) => self.take_answer(key, server, answer),
        }
    }

    fn take_answer(&mut self, key: Key, server: SocketAddr, mut answer: Vec<u8>) {
        self.upstream.servers.has_answered(server);
        let Some(pending) = self.waiting.get_mut(key) else { return };
        wire::set_id(&mut answer, wire::id(&pending.message));
        let by_datagram = matches!(pending.stage, Stage::Datagram(_));
        if is_poor(&answer) {
            pending.strike(server);
            pending.fallback = Some(answer);
            return self.ask_next(key);
        }
        if by_datagram && wire::is_truncated(&answer) {
            if matches!(pending.asker.way, Way::Datagram { .. }) {
                pending.fallback = Some(wire::cut(&answer, pending.question.has_edns()));
            }
            return self.ask_by_stream(key, server);
        }
        let Some(pending) = self.finish(key) else { return };
        self.deliver(pending.asker, &pending.question, &answer);
        self.settle(pending.asker);
    }

    fn ask_by_stream(&mut self, key: Key, server: SocketAddr) {
        self.leave_stage(key);
        let Some(pending) = self.waiting.get_mut(key) else { return };
        let stream = self.upstream.connect(server, &pending.message);
        let added = stream.and_then(|stream| {
            self.poller.add(&stream.stream, Token::Pending(key), true, true).map(|()| stream)
        });
        match added {
            Ok(stream) => self.waiting.set_stage(key, Stage::Stream(stream), self.now),
            Err(_) => self.ask_next(key),
        }
    }

    /// Nobody has answered in time.
    pub(super) fn is_late(&mut self, key: Key) {
        let Some(pending) = self.waiting.get_mut(key) else { return };
        match &pending.stage {
            Stage::Peers(_) => {
                let told = self.peers.give_up(key, self.now);
                self.take_told(told);
                self.peers.close_unused(self.now);
                // Nobody owes it an answer any more.
                if self.waiting.get_mut(key).is_some_and(|pending| matches!(pending.stage, Stage::Peers(_))) {
                    self.go_on(key);
                }
            }
            Stage::Datagram(sent) => {
                self.upstream.servers.was_silent(sent.server, self.now);
                self.ask_next(key);
            }
            Stage::Stream(_) | Stage::Idle => self.ask_next(key),
        }
    }

    /// Frees what the present stage holds.
    fn leave_stage(&mut self, key: Key) {
        let Some(pending) = self.waiting.get_mut(key) else { return };
        let stage = std::mem::replace(&mut pending.stage, Stage::Idle);
        self.drop_stage(stage);
    }

    fn drop_stage(&mut self, stage: Stage) {
        if let Stage::Datagram(sent) = stage {
            self.poller.forget(&sent.socket);
            self.upstream.take_back(sent);
        }
    }

    /// Takes a question out; its answer is up to the caller.
    fn finish(&mut self, key: Key) -> Option<Pending> {
        let mut pending = self.waiting.remove(key)?;
        let stage = std::mem::replace(&mut pending.stage, Stage::Idle);
        self.drop_stage(stage);
        if let Way::Connection(connection) = pending.asker.way {
            self.clients.set_waiting(connection, false);
        }
        Some(pending)
    }

    /// Has the answer written that a connection was given, and its next questions read.
    fn settle(&mut self, asker: Asker) {
        if let Way::Connection(connection) = asker.way {
            self.come_back_to(connection);
        }
    }
}
