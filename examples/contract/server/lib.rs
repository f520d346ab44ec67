//! The hub: an implementation of the trait that clients know.

use std::sync::{Mutex, MutexGuard, PoisonError};

use contract_api::{Board, BoardClient, Task};
use futures_util::{Stream, stream};
use signalr::{Context, HubError, Receiver, hub};

const LONGEST_TEXT: usize = 200;
const MOST_TASKS: usize = 1_000;

/// The tasks of all.
#[derive(Debug, Default)]
pub struct SharedBoard(Mutex<Tasks>);

#[derive(Debug, Default)]
struct Tasks {
    last_id: u32,
    all: Vec<Task>,
}

#[hub(client = BoardClient)]
impl Board for SharedBoard {
    async fn add(&self, cx: &Context<Self>, text: &str) -> Result<Task, HubError> {
        let task = self.tasks_now().add(text)?;
        cx.clients().all().changed(&task).await?;
        Ok(task)
    }

    async fn finish(&self, cx: &Context<Self>, id: u32) -> Result<Task, HubError> {
        let task = self.tasks_now().finish(id)?;
        cx.clients().all().changed(&task).await?;
        Ok(task)
    }

    fn tasks(&self) -> impl Stream<Item = Task> {
        stream::iter(self.tasks_now().all.clone())
    }

    async fn import(
        &self,
        cx: &Context<Self>,
        mut lines: Receiver<String>,
    ) -> Result<usize, HubError> {
        let mut count = 0;
        while let Some(line) = lines.recv().await {
            self.add(cx, &line?).await?;
            count += 1;
        }
        Ok(count)
    }

    async fn clear(&self, cx: &Context<Self>) -> Result<usize, HubError> {
        let count = self.tasks_now().finished().count();
        let question = format!("Remove {count} finished tasks?");
        if !cx.clients().caller().confirm(&question).await? {
            return Ok(0);
        }
        let mut tasks = self.tasks_now();
        let before = tasks.all.len();
        tasks.all.retain(|task| !task.finished);
        Ok(before - tasks.all.len())
    }
}

impl SharedBoard {
    fn tasks_now(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    fn add(&mut self, text: &str) -> Result<Task, HubError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST_TEXT {
            let rule = format!("A task has a text of at most {LONGEST_TEXT} characters.");
            return Err(HubError::new(rule));
        }
        if self.all.len() == MOST_TASKS {
            let rule = format!("There are {MOST_TASKS} tasks, and no more fit in.");
            return Err(HubError::new(rule));
        }
        self.last_id += 1;
        let task = Task {
            id: self.last_id,
            text: text.to_owned(),
            finished: false,
        };
        self.all.push(task.clone());
        Ok(task)
    }

    fn finish(&mut self, id: u32) -> Result<Task, HubError> {
        let task = self.all.iter_mut().find(|task| task.id == id);
        let task = task.ok_or_else(|| HubError::new(format!("There is no task {id}.")))?;
        task.finished = true;
        Ok(task.clone())
    }

    fn finished(&self) -> impl Iterator<Item = &Task> {
        self.all.iter().filter(|task| task.finished)
    }
}
