//! The key `after`: `"backup"`, `["a", "b"]`, `{ any = ["*"], on = "failure", delay = "5m" }`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use jiff::SignedDuration;

use super::inherit::Found;
use super::keys::{self, remedy};
use super::problem::Problem;
use super::validate::{Known, Reader};
use super::value::{Node, Value};
use crate::name::Name;
use crate::trigger::{After, AfterEnd, AfterTasks, Trigger};

const KEYS: [&str; 4] = ["all", "any", "on", "delay"];
const ENDS: &[&str] = &["success", "failure", "finish"];
const AFTER: &str = "the name of a task, a list of them or a table, write `after = \"backup\"` or `after = { any = [\"*\"], on = \"failure\" }`";

/// A task comes after another, as it is written somewhere.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    task: Name,
    after: String,
    file: usize,
    span: Range<usize>,
    delayed: bool,
}

impl Reader<'_> {
    /// Reads `after`. Whether the tasks are there, and no circle is, is judged at the end.
    pub(super) fn after(&mut self, found: Found<'_>) -> Option<Trigger> {
        let mut after =
            After { tasks: AfterTasks::Every, on: AfterEnd::Success, delay: SignedDuration::ZERO };
        let (mut tasks, mut whole) = (None, true);
        match &found.node.value {
            Value::Text(_) | Value::List(_) => {
                tasks = Some(("all", found));
            }
            Value::Table(table) => {
                for (key, node) in table {
                    let inner = Found { key, node, ..found };
                    let read = match key.name.as_str() {
                        "all" | "any" if tasks.is_some() => {
                            self.complain(inner.file, key.span.clone(), Problem::AllAndAny);
                            None
                        }
                        which @ ("all" | "any") => {
                            tasks = Some((which, inner));
                            Some(())
                        }
                        "on" => self.end_of_run(inner).map(|on| after.on = on),
                        "delay" => self.length(inner).map(|delay| after.delay = delay),
                        other => {
                            let problem = Problem::UnknownKey(other.into(), remedy(other, &KEYS));
                            self.complain(inner.file, key.span.clone(), problem);
                            None
                        }
                    };
                    whole &= read.is_some();
                }
            }
            _ => {
                self.wrong_type(found, found.node, AFTER);
                return None;
            }
        }
        let Some((which, tasks)) = tasks else {
            if !whole {
                return None;
            }
            let problem = Problem::MissingKey("any", "add `any = [\"backup\"]` or `all = […]`");
            self.complain(found.file, found.node.span.clone(), problem);
            return None;
        };
        after.tasks = self.after_tasks(which, tasks, !after.delay.is_zero())?;
        whole.then_some(Trigger::After(after))
    }

    fn end_of_run(&mut self, found: Found<'_>) -> Option<AfterEnd> {
        Some(match self.word_of(found, ENDS)? {
            "failure" => AfterEnd::Failure,
            "finish" => AfterEnd::Finish,
            _ => AfterEnd::Success,
        })
    }

    fn after_tasks(&mut self, which: &str, found: Found<'_>, delayed: bool) -> Option<AfterTasks> {
        let texts = self.texts(found, AFTER);
        let written = match &found.node.value {
            Value::List(items) => items.len(),
            _ => 1,
        };
        if texts.len() != written {
            return None;
        }
        if texts.is_empty() {
            self.complain(found.file, found.node.span.clone(), Problem::Empty("list of tasks"));
            return None;
        }
        if which == "any" && texts.iter().any(|(text, _)| *text == "*") {
            return Some(AfterTasks::Every);
        }
        let names: Vec<_> = texts
            .iter()
            .map(|(text, node)| self.after_task(found.file, text, node, delayed))
            .collect();
        let names: Option<BTreeSet<_>> = names.into_iter().collect();
        let names = names?.into_iter().collect();
        Some(if which == "any" { AfterTasks::Any(names) } else { AfterTasks::All(names) })
    }

    fn after_task(&mut self, file: usize, text: &str, node: &Node, delayed: bool) -> Option<Name> {
        let Ok(name) = Name::new(text) else {
            let problem = Problem::UnknownTask(text.into(), None);
            self.complain(file, node.span.clone(), problem);
            return None;
        };
        // What a template says is judged where a task takes it over.
        if let Some(task) = self.task.clone() {
            let (after, span) = (text.to_string(), node.span.clone());
            self.edges.push(Edge { task, after, file, span, delayed });
        }
        Some(name)
    }

    /// Complains about tasks that come after one that is not there, or after themselves.
    pub(super) fn judge_edges(&mut self, known: &Known<'_>) {
        let edges = std::mem::take(&mut self.edges);
        let mut names: Vec<&str> = Vec::new();
        for edge in edges.iter().filter(|edge| !known.contains_key(edge.after.as_str())) {
            if names.is_empty() {
                names.extend(known.keys());
                names.sort_unstable();
            }
            let near = keys::nearest(&edge.after, names.iter().copied());
            let problem = Problem::UnknownTask(edge.after.clone(), near.map(Into::into));
            self.task = Some(edge.task.clone());
            self.complain(edge.file, edge.span.clone(), problem);
        }
        let mut of: HashMap<&str, Vec<&Edge>> = HashMap::new();
        // A task may come after itself, a while later.
        let own = |edge: &&Edge| edge.delayed && edge.after == edge.task.as_str();
        for edge in edges.iter().filter(|edge| !own(edge)) {
            of.entry(edge.task.as_str()).or_default().push(edge);
        }
        for circle in circles(&of) {
            let path: Vec<_> = circle.iter().map(|edge| edge.task.to_string()).collect();
            let Some(first) = circle.first() else { continue };
            self.task = Some(first.task.clone());
            self.complain(first.file, first.span.clone(), Problem::AfterCircle(path));
        }
        self.task = None;
    }
}

/// The circles among tasks, each by its edges, without one that shares a task with another.
fn circles<'a>(of: &HashMap<&'a str, Vec<&'a Edge>>) -> Vec<Vec<&'a Edge>> {
    let mut found = Vec::new();
    // What is done leads to no circle that is not found yet.
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let starts: BTreeMap<_, _> = of.iter().collect();
    for (start, _) in starts {
        // The way to where we are: each edge that was taken, and those left at each task.
        let mut way: Vec<&Edge> = Vec::new();
        let mut left = vec![(*start, of[*start].as_slice())];
        while let Some((task, edges)) = left.pop() {
            let Some((edge, rest)) = edges.split_first().filter(|_| !done.contains(task)) else {
                done.insert(task);
                way.pop();
                continue;
            };
            left.push((task, rest));
            let back = left.iter().position(|(passed, _)| *passed == edge.after);
            if let Some(back) = back {
                found.push(way[back..].iter().copied().chain([*edge]).collect());
                done.extend(left.iter().map(|(task, _)| *task));
            } else if let Some(next) = of.get(edge.after.as_str()) {
                way.push(edge);
                left.push((edge.after.as_str(), next));
            }
        }
    }
    found
}
