//! All the files of a plan: the main one and what it includes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use glob::MatchOptions;

use super::Origin;
use super::diagnostic::Diagnostic;
use super::problem::Problem;
use super::raw::{self, RawFile, Tasks};
use super::source::{ReadError, Source};
use super::value::{Node, Value};

/// The files of a plan, not yet judged.
pub(super) struct Files {
    pub sources: Vec<Source>,
    /// What is in each source.
    pub raw: Vec<RawFile>,
    /// The file that includes it.
    pub parents: Vec<Option<usize>>,
    /// Where they lie, and others that are included may come to lie.
    pub directories: BTreeSet<PathBuf>,
    /// What is wrong with the way in which they include each other.
    pub diagnostics: Vec<Diagnostic>,
    /// Which source a file on disk is.
    known: HashMap<(u64, u64), usize>,
}

/// Loads the main file and everything it includes, however deep.
pub(super) fn load(origin: Origin, directory: &Path) -> Files {
    let mut files = Files {
        sources: Vec::new(),
        raw: Vec::new(),
        parents: Vec::new(),
        directories: BTreeSet::new(),
        diagnostics: Vec::new(),
        known: HashMap::new(),
    };
    let (path, read) = match origin {
        Origin::File(path) => {
            let read = Source::read(&path, directory);
            (path, read)
        }
        Origin::Bytes(path, directory, bytes) => {
            let read = Source::from_bytes(&path, directory, bytes);
            (path, read)
        }
    };
    match read {
        Ok(source) => files.add(source, None),
        Err(error) => {
            let directory = directory.to_path_buf();
            files.sources.push(Source::of_text(&path, directory, String::new()));
            files.raw.push(RawFile { broken: true, ..RawFile::default() });
            files.parents.push(None);
            files.complain(0, unreadable(&error), 0..0);
        }
    }
    files
}

/// The files of a plan that was loaded before, as they were then.
pub(super) fn again(sources: &[Source], parents: &[Option<usize>]) -> Files {
    let files = sources.iter().enumerate();
    let raw = files.map(|(index, source)| raw::parse(source, index)).collect();
    Files {
        sources: sources.to_vec(),
        raw,
        parents: parents.to_vec(),
        directories: BTreeSet::new(),
        diagnostics: Vec::new(),
        known: HashMap::new(),
    }
}

fn unreadable(error: &ReadError) -> Problem {
    Problem::Unreadable(error.to_string(), error.help())
}

impl Files {
    fn complain(&mut self, file: usize, problem: Problem, span: Range<usize>) {
        self.diagnostics.push(Diagnostic { problem, file, span, task: None });
    }

    /// Whether every task can be read by itself, and none is there twice in a file.
    pub(super) fn tell_alone(&self) -> bool {
        self.raw.iter().zip(&self.sources).all(|(raw, source)| {
            let mut names = HashSet::new();
            raw.tasks.names(source).all(|(name, _)| names.insert(name))
                && (0..raw.tasks.len()).all(|index| raw.tasks.get(index, source).is_some())
        })
    }

    /// Reads those files as a whole that were cut into their tables.
    pub(super) fn read_whole(&mut self) {
        for (index, (source, raw)) in self.sources.iter().zip(&mut self.raw).enumerate() {
            if matches!(raw.tasks, Tasks::Unread(_)) {
                *raw = raw::parse_whole(source, index);
            }
        }
    }

    fn add(&mut self, source: Source, parent: Option<usize>) {
        let index = self.sources.len();
        let file = raw::parse(&source, index);
        let include = file.include.clone();
        if let Some(identity) = source.identity {
            self.known.insert(identity, index);
        }
        let place = source.directory.join(source.path.file_name().unwrap_or_default());
        self.directories.extend(place.parent().map(Path::to_path_buf));
        self.sources.push(source);
        self.raw.push(file);
        self.parents.push(parent);
        let Some(include) = include else { return };
        let patterns = match include.value {
            Value::List(items) => items,
            _ => vec![include],
        };
        for pattern in patterns {
            self.include(index, &pattern);
        }
    }

    /// Adds the files that `pattern`, written in the file number `index`, stands for.
    fn include(&mut self, index: usize, pattern: &Node) {
        let span = pattern.span.clone();
        let text = match &pattern.value {
            Value::Text(text) => text,
            Value::Broken => return,
            other => {
                let expected = "a path or a list of paths, write `include = [\"conf.d/*.toml\"]`";
                let wrong =
                    Problem::WrongType { key: "include".into(), expected, found: other.kind() };
                return self.complain(index, wrong, span);
            }
        };
        let written = self.sources[index].directory.join(text);
        let is_plain = |path: &&Path| !path.to_string_lossy().contains(['*', '?', '[']);
        let directory = written.ancestors().skip(1).find(is_plain);
        self.directories.extend(directory.map(Path::to_path_buf));
        for path in match self.matches(index, text) {
            Ok(paths) => paths,
            Err(problem) => return self.complain(index, problem, span),
        } {
            if let Err(problem) = self.include_one(index, &path) {
                self.complain(index, problem, span.clone());
            }
        }
    }

    /// The paths that `text` stands for, sorted.
    fn matches(&self, index: usize, text: &str) -> Result<Vec<PathBuf>, Problem> {
        let source = &self.sources[index];
        if !text.contains(['*', '?', '[']) {
            return Ok(vec![PathBuf::from(text)]);
        }
        // The directory itself may have a name that looks like a pattern.
        let directory = glob::Pattern::escape(&source.directory.to_string_lossy());
        let pattern = Path::new(&directory).join(text);
        // As a shell does: an editor's hidden files are not meant.
        let options = MatchOptions {
            require_literal_leading_dot: true,
            require_literal_separator: true,
            ..MatchOptions::new()
        };
        let paths = glob::glob_with(&pattern.to_string_lossy(), options);
        let paths = paths.map_err(|error| Problem::BadInclude(error.msg.into()))?;
        let mut found = Vec::new();
        for path in paths {
            let path = path.map_err(|error| Problem::Unreadable(error.to_string(), None))?;
            if path.is_dir() {
                continue;
            }
            let short = path.strip_prefix(&source.directory).map(Path::to_path_buf);
            found.push(short.unwrap_or(path));
        }
        Ok(found)
    }

    fn include_one(&mut self, index: usize, path: &Path) -> Result<(), Problem> {
        let including = &self.sources[index];
        // People know the file by a path that starts where that of the including file does.
        let shown = including.path.parent().unwrap_or(Path::new("")).join(path);
        let absolute = including.directory.join(path);
        let name = || shown.display().to_string();
        let identity =
            std::fs::metadata(&absolute).map(|metadata| (metadata.dev(), metadata.ino()));
        if let Some(same) = identity.ok().and_then(|identity| self.known.get(&identity).copied()) {
            let ancestors = std::iter::successors(Some(index), |index| self.parents[*index]);
            let circle = ancestors.into_iter().any(|ancestor| ancestor == same);
            return Err(if circle {
                Problem::IncludeCircle(name())
            } else {
                Problem::IncludedTwice(name())
            });
        }
        let mut source = Source::read(&absolute, &including.directory)
            .map_err(|error| Problem::Unreadable(format!("`{}`: {error}", name()), error.help()))?;
        source.path = shown;
        self.add(source, Some(index));
        Ok(())
    }
}
