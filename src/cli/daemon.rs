//! Speaking to a running daemon.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::args::Global;
use super::exit::{Exit, Failure};
use super::serve::Kept;
use super::{locate, past, plan, socket, state};
use crate::clock;
use crate::control::{Answer, Client, MOST_STREAMS, Source};
use crate::store::{self, Archive, Catalogue};
use crate::zone::Zone;

/// How often to look whether a daemon has ended.
const LOOK: Duration = Duration::from_millis(50);

fn gone(error: &io::Error) -> Failure {
    Failure::new(Exit::NoDaemon, format!("the daemon left in the middle: {error}"))
}

/// The first daemon that answers at one of `places`.
///
/// # Errors
///
/// Ends with 69 if none does, and one is there that is another user's.
async fn first_of(places: &[PathBuf]) -> Result<Option<Client>, Failure> {
    let mut refused: Option<&PathBuf> = None;
    for place in places {
        match Client::connect(place).await {
            Ok(client) => return Ok(Some(client)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                refused.get_or_insert(place);
            }
            Err(_) => {}
        }
    }
    let Some(place) = refused else { return Ok(None) };
    let message = format!("the daemon at `{}` is another user's", place.display());
    Err(Failure::new(Exit::NoDaemon, message).help("ask as that user or as root"))
}

fn listed(places: &[PathBuf]) -> String {
    let places: Vec<_> = places.iter().map(|place| format!("`{}`", place.display())).collect();
    places.join(", ")
}

/// A daemon that answers.
pub struct Daemon {
    client: Client,
    /// Whether it is there; else its record answers.
    pub is_live: bool,
    /// Whose wall clock times are typed in.
    pub zone: Zone,
    /// Where no daemon was.
    tried: String,
}

/// Runs what speaks to a daemon.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

impl Daemon {
    /// Connects to the daemon of the schedule file that `named` or the command line says; where none
    /// answers, what it has left on record does.
    ///
    /// # Errors
    ///
    /// Ends with 69, naming every place that was tried, if there is no record either, and with 75 if
    /// that cannot be read.
    pub async fn connect_or_read(named: Option<&Path>, global: &Global) -> Result<Self, Failure> {
        let now = clock::wall_clock();
        let file = match (locate::locate(named, global), &global.socket) {
            (Ok(file), _) => file,
            // The socket alone says which daemon is meant.
            (Err(_), Some(socket)) => return Self::at(socket).await,
            (Err(failure), None) => return Err(failure),
        };
        // A file that is wrong by now may be right for the daemon; what it says of itself counts.
        let plan = plan::read(&file.path, now)?;
        let (named, state) = (plan.daemon.socket.as_deref(), plan.daemon.state_dir.as_deref());
        let places = socket::candidates(global, &file, named, state);
        if let Some(client) = first_of(&places).await? {
            let tried = String::new();
            return Ok(Self { client, is_live: true, zone: plan.zone, tried });
        }
        let tried = listed(&places);
        let directory = state::directory(global, &file, state);
        let is_there = directory.as_ref().map(|directory| directory.join(store::FILE).try_exists());
        if let (Some(directory), Some(Err(error))) = (&directory, &is_there)
            && error.kind() == io::ErrorKind::PermissionDenied
        {
            let message = format!("the state in `{}` is another user's", directory.display());
            let help = "ask as that user or as root";
            return Err(Failure::new(Exit::NoDaemon, message).help(help));
        }
        if let (Some(directory), Some(Ok(true))) = (directory, is_there) {
            let catalogue = Catalogue::new(past::known(&plan));
            let archive = Archive::open(&directory, catalogue.clone())
                .map_err(|error| Failure::new(Exit::Busy, error))?;
            let source = Source {
                engine: None,
                watch: None,
                scrape: None,
                catalogue,
                streams: Arc::new(Semaphore::new(MOST_STREAMS)),
                reload: None,
                records: Arc::new(archive),
                captures: Arc::new(Kept(Some(directory.join(store::OUTPUT)))),
                file: file.path.display().to_string(),
                degraded: None,
            };
            let client = Client::without_daemon(source);
            return Ok(Self { client, is_live: false, zone: plan.zone, tried });
        }
        let message = format!("no daemon answers; tried {tried}");
        let help = format!("start it by `taskd run {}`", file.path.display());
        Err(Failure::new(Exit::NoDaemon, message).help(help))
    }

    /// The daemon at `socket`, whatever its file is; times are typed in by the zone of this machine.
    async fn at(socket: &Path) -> Result<Self, Failure> {
        let places = [socket.to_path_buf()];
        let Some(client) = first_of(&places).await? else {
            let message = format!("no daemon answers; tried {}", listed(&places));
            let help = "start one by `taskd run`, or name its schedule file with `--file`";
            return Err(Failure::new(Exit::NoDaemon, message).help(help));
        };
        let zone = plan::setting(clock::wall_clock()).zone.unwrap_or_else(|_| Zone::utc());
        Ok(Self { client, is_live: true, zone, tried: String::new() })
    }

    /// A daemon that is there: the record alone can do nothing.
    ///
    /// # Errors
    ///
    /// Ends with 69 if none answers.
    pub async fn connect(named: Option<&Path>, global: &Global) -> Result<Self, Failure> {
        let daemon = Self::connect_or_read(named, global).await?;
        if daemon.is_live {
            return Ok(daemon);
        }
        let message = format!("no daemon answers; tried {}", daemon.tried);
        let help = "start it by `taskd run`; `taskd history` and `taskd why` read what the last one has left";
        Err(Failure::new(Exit::NoDaemon, message).help(help))
    }

    /// Asks for what is at `path`; what the daemon refuses ends as it says.
    pub async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        let answer = self.client.get(path).await.map_err(|error| gone(&error))?;
        Self::accepted(answer).await
    }

    /// Has done what is at `path`, as `body` says; what the daemon refuses ends as it says.
    pub async fn post(&mut self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let answer = self.client.post(path, body).await.map_err(|error| gone(&error))?;
        Self::accepted(answer).await?.json().await.map_err(|error| gone(&error))
    }

    /// Has done what is at `path`, whatever comes of it.
    pub async fn try_post(&mut self, path: &str) -> Result<Answer, Failure> {
        self.client.post(path, None).await.map_err(|error| gone(&error))
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) {
        // It closes its connections last of all.
        while self.client.get("/v1/status").await.is_ok() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// All tasks.
    pub async fn tasks(&mut self) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let query: Vec<_> = after.take().map(|after| ("after", after)).into_iter().collect();
            let mut page = self.json(&with_query("/v1/tasks", &query)).await?;
            if let Some(items) = page["items"].as_array_mut() {
                all.append(items);
            }
            match page["next"].as_str() {
                Some(next) => after = Some(next.into()),
                None => return Ok(all),
            }
        }
    }

    async fn accepted(answer: Answer) -> Result<Answer, Failure> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let exit = match answer.status.as_u16() {
            404 => Exit::NoSuchTask,
            400 | 405 | 422 => Exit::Usage,
            503 => Exit::NoDaemon,
            _ => Exit::Failed,
        };
        let error = answer.json().await.map_err(|error| gone(&error))?;
        let text = |key: &str| error["error"][key].as_str().map(ToString::to_string);
        let failure = Failure::new(exit, text("message").unwrap_or_else(|| "it refuses".into()));
        Err(match text("help") {
            Some(help) => failure.help(help),
            None => failure,
        })
    }

    /// Asks for what is at `path`, as JSON.
    pub async fn json(&mut self, path: &str) -> Result<Value, Failure> {
        Ok(self.get(path).await?.json().await?)
    }
}

/// A path with a query of these names and values.
pub fn with_query(path: &str, pairs: &[(&str, String)]) -> String {
    let mut query = form_urlencoded::Serializer::new(format!("{path}?"));
    for (name, value) in pairs {
        query.append_pair(name, value);
    }
    query.finish()
}

/// `text` as a part of a path.
pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
