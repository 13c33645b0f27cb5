//! The program as its operator meets it: started, asked, told to stop.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Long enough that only a hang is taken for one.
const DEADLINE: Duration = Duration::from_secs(20);

/// Opcodes of WebSocket frames.
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

const CANARY_SECRET: &str = "canary-secret-of-at-least-32-bytes";

fn clapt(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clapt"));
    command
        .args(arguments)
        .env("CLAPT_RTC__UDP_PORT", "0")
        .env("CLAPT_KEYS__canary", CANARY_SECRET);
    command
}

fn output(arguments: &[&str]) -> Output {
    clapt(arguments).output().unwrap()
}

/// A running server. Dropped, it is killed.
struct Server {
    child: Child,
    port: u16,
    log: tempfile::NamedTempFile,
    /// Removed after the process is gone.
    _data: tempfile::TempDir,
}

impl Server {
    /// Starts one on a free port and waits until it says that it is ready.
    fn start(log_level: &str) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let data = tempfile::tempdir().unwrap();
        let mut child = clapt(&["serve", "--dev", "--port", "0", "--data"])
            .arg(data.path())
            .env("CLAPT_LOG__LEVEL", log_level)
            .stdout(Stdio::piped())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line
            .trim()
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        Self {
            child,
            port,
            log,
            _data: data,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Sends a request and returns the whole answer.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        let head = format!("{request}\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Opens a signalling socket and waits for its first message.
    fn join(&self, token: &str) -> TcpStream {
        let mut stream = self.connect();
        let head = format!(
            "GET /rtc?protocol=16&access_token={token} HTTP/1.1\r\nhost: localhost\r\n\
             connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        assert!(
            seen.starts_with(b"HTTP/1.1 101"),
            "{}",
            String::from_utf8_lossy(&seen)
        );
        while frame(&mut stream).0 != BINARY {}
        stream
    }

    /// Asks it to stop and returns its exit code and its log.
    fn stop(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let code = self.child.wait().unwrap().code();
        (code, std::fs::read_to_string(self.log.path()).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads one frame that is not split (RFC 6455, section 5.2): its opcode and its payload.
fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let len = match head[1] {
        126 => {
            let mut len = [0; 2];
            stream.read_exact(&mut len).unwrap();
            u16::from_be_bytes(len).into()
        }
        127 => panic!("no message is so long"),
        len => usize::from(len),
    };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).unwrap();
    (head[0] & 0x0f, payload)
}

fn token() -> String {
    let made = output(&[
        "token",
        "create",
        "--dev",
        "--room",
        "yoga",
        "--identity",
        "ana",
    ]);
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_taken_port_is_named_in_one_line() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();

    let refused = output(&["serve", "--dev", "--port", &port]);

    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text.starts_with(&format!("port {port} is taken: ")),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn asked_to_stop_it_tells_those_in_a_room_and_ends_well() {
    let server = Server::start("info");
    let mut socket = server.join(&token());

    let (code, log) = server.stop();

    assert_eq!(code, Some(0), "{log}");
    let mut messages = 0;
    loop {
        match frame(&mut socket).0 {
            BINARY => messages += 1,
            CLOSE => break,
            _ => {}
        }
    }
    assert!(messages > 0, "nobody was told");
}

#[test]
fn strangers_get_the_answers_that_they_expect() {
    let server = Server::start("info");

    for (request, status) in [
        ("GET /livez HTTP/1.1", 200),
        ("GET /readyz HTTP/1.1", 200),
        ("GET /metrics HTTP/1.1", 200),
        ("GET /api/v1/instance HTTP/1.1", 200),
        ("GET /api/v1/nothing HTTP/1.1", 404),
        ("DELETE /api/v1/instance HTTP/1.1", 405),
        ("POST /api/v1/dev/join HTTP/1.1", 415),
        ("GET /rtc/validate HTTP/1.1", 401),
        ("nonsense", 400),
    ] {
        let answer = server.ask(request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
}

#[test]
fn no_log_at_any_level_has_a_secret_or_a_token() {
    let server = Server::start("trace");
    let token = token();
    let foreign = format!("{}x", &token[..token.len() - 1]);

    server.join(&token);
    server.ask(&format!(
        "GET /rtc/validate?access_token={foreign} HTTP/1.1"
    ));
    server.ask(&format!(
        "GET /rtc/validate HTTP/1.1\r\nauthorization: Bearer {foreign}"
    ));
    server.ask(&format!("GET /nothing?access_token={token} HTTP/1.1"));
    let (_, log) = server.stop();

    assert!(
        log.contains("TRACE") || log.contains("DEBUG"),
        "the level did not arrive: {log}"
    );
    let signature = token.rsplit('.').next().unwrap();
    for secret in [CANARY_SECRET, &token, signature, &foreign] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}

#[test]
fn check_config_redacts_secrets_and_refuses_what_serve_refuses() {
    let shown = String::from_utf8(output(&["check-config"]).stdout).unwrap();
    assert!(shown.contains("canary: (redacted)"), "{shown}");
    assert!(!shown.contains(CANARY_SECRET), "{shown}");

    let refused = clapt(&["check-config"])
        .env("CLAPT_PROT", "1")
        .output()
        .unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text.contains("unknown key `prot`, did you mean `port`?"),
        "{text}"
    );
}
