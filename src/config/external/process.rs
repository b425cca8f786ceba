//! A child process that answers lines with lines.

use crate::diagnostics::printable;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Longest answer that is read.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// Longest piece of an answer that a message repeats, in characters.
const QUOTED: usize = 160;

/// A conversation with a process: one line there, one line back.
#[derive(Debug)]
pub(super) struct Conversation {
    name: String,
    timeout: Duration,
    child: Child,
    /// Dropped to close the process's standard input.
    questions: Option<Sender<String>>,
    answers: Receiver<std::io::Result<String>>,
    count: u64,
}

impl Conversation {
    /// Starts a process. A process that does not read blocks who writes to it, one that does not write who reads: two threads do
    /// both, so that neither blocks the caller.
    pub(super) fn start(command: &[String], timeout: Duration) -> Result<Self, String> {
        let name = printable(&command.join(" "));
        let Some((program, arguments)) = command.split_first() else {
            return Err("there is no command".to_owned());
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start `{name}`: {error}"))?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("`{name}` has no pipes"));
        };
        let (questions, to_write) = channel::<String>();
        std::thread::spawn(move || {
            for line in to_write {
                // A process that has ended is noticed by its answers.
                if input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_err() {
                    return;
                }
            }
        });
        let (send, answers) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = String::new();
                let read = (&mut output).take(MOST_BYTES).read_line(&mut line).map(|_| line);
                let last = !matches!(&read, Ok(line) if line.ends_with('\n'));
                if send.send(read).is_err() || last {
                    return;
                }
            }
        });
        Ok(Self { name, timeout, child, questions: Some(questions), answers, count: 0 })
    }

    /// Sends a line and waits for the next line.
    pub(super) fn ask(&mut self, question: &str) -> Result<String, String> {
        if let Some(questions) = &self.questions {
            // The writer is gone when the process does not read any more; its last answers may still come.
            let _ = questions.send(format!("{question}\n"));
        }
        match self.answers.recv_timeout(self.timeout) {
            Ok(Ok(line)) if line.trim().is_empty() && !line.ends_with('\n') => Err(self.ended()),
            Ok(Ok(line)) => {
                self.count += 1;
                Ok(line.trim_end_matches(['\n', '\r']).to_owned())
            }
            Ok(Err(error)) => Err(format!("`{}` answered what cannot be read: {error}", self.name)),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "`{}` did not answer {}within {} s (timeout-seconds)",
                self.name,
                if self.count == 0 { String::new() } else { format!("line {} ", self.count + 1) },
                self.timeout.as_secs_f64()
            )),
        }
    }

    /// A message about the last answer: which it was, what it said, and what is wrong with it.
    pub(super) fn fault(&self, answer: &str, problem: &str) -> String {
        let mut shown: String = answer.chars().take(QUOTED).collect();
        if answer.chars().nth(QUOTED).is_some() {
            shown.push_str(" ...");
        }
        format!("line {} of `{}`, `{}`: {problem}", self.count, self.name, printable(&shown))
    }

    fn ended(&mut self) -> String {
        let status = self.wait(Duration::from_millis(500));
        let code = status.map_or_else(|| "it closed its output".to_owned(), |status| status.to_string());
        match self.count {
            0 => format!("`{}` ended without an answer ({code})", self.name),
            count => format!("`{}` ended after line {count} ({code}), while the run went on", self.name),
        }
    }

    /// Waits for the end of the process.
    fn wait(&mut self, most: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if begun.elapsed() < most => std::thread::sleep(Duration::from_millis(2)),
                _ => return None,
            }
        }
    }

    /// Lets the process end by itself: its input is closed, and it has the time of one answer.
    pub(super) fn finish(mut self) {
        self.questions = None;
        let timeout = self.timeout;
        self.wait(timeout);
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.questions = None;
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            // Nobody is left who could be told that it cannot be ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
