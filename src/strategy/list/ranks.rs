//! Priorities of list schedulers. Means and ranks are rounded to the picosecond, so that priorities which are equal on
//! paper tie, whatever the order of summation.

use super::joint::JointGraph;

/// Over which pairs of executors the communication of an edge is averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CommunicationMean {
    /// Ordered pairs of different executors.
    #[default]
    Pairs,
    /// Unordered pairs with every executor's free pair with itself: SAGA's, smaller by (P - 1) / (P + 1).
    SelfDiluted,
}

/// Averages over executors.
#[derive(Debug)]
pub(crate) struct Means {
    /// Mean execution of each task over the executors that support it.
    pub work: Vec<f64>,
    /// Mean communication of the edges out of each task, in the order of [`JointGraph::successors`].
    communication: Vec<f64>,
    start: Vec<u32>,
}

impl Means {
    pub(crate) fn new(joint: &JointGraph<'_>, mean: CommunicationMean) -> Self {
        let work = joint
            .tasks()
            .map(|task| {
                let (count, sum) =
                    joint.choices(task).fold((0u64, 0.0), |(n, sum), (_, w)| (n + 1, sum + w as f64));
                sum / count.max(1) as f64
            })
            .collect();
        let executors = joint.executors();
        let count = executors.len() as f64;
        let pairs = match mean {
            CommunicationMean::Pairs => count * (count - 1.0),
            CommunicationMean::SelfDiluted => count * (count + 1.0),
        };
        let (mut communication, mut start) = (Vec::new(), vec![0]);
        for task in joint.tasks() {
            for (_, link) in joint.successors(task) {
                let mut sum = 0.0;
                for &from in executors {
                    for &to in executors.iter().filter(|&&to| to != from) {
                        sum += joint.communication(task, link, from, to) as f64;
                    }
                }
                communication.push(if pairs > 0.0 { sum / pairs } else { 0.0 });
            }
            start.push(communication.len() as u32);
        }
        Self { work, communication, start }
    }

    /// Mean communication of the edges out of a task, in order.
    pub(crate) fn out(&self, task: u32) -> &[f64] {
        &self.communication[self.start[task as usize] as usize..self.start[task as usize + 1] as usize]
    }
}

/// Longest way from the start of each task to the end: mean execution, and mean communication if wanted.
pub(crate) fn upward(joint: &JointGraph<'_>, means: &Means, with_communication: bool) -> Vec<f64> {
    let mut ranks = vec![0.0; joint.len()];
    for &task in joint.order().iter().rev() {
        let mut longest: f64 = 0.0;
        for ((reader, _), &communication) in joint.successors(task).zip(means.out(task)) {
            let way = if with_communication { communication } else { 0.0 };
            longest = longest.max(way + ranks[reader as usize]);
        }
        ranks[task as usize] = means.work[task as usize] + longest;
    }
    ranks
}

/// Longest way from the start to each task, its own execution excluded.
pub(crate) fn downward(joint: &JointGraph<'_>, means: &Means) -> Vec<f64> {
    let mut ranks: Vec<f64> = vec![0.0; joint.len()];
    for &task in joint.order() {
        let here = ranks[task as usize] + means.work[task as usize];
        for ((reader, _), &communication) in joint.successors(task).zip(means.out(task)) {
            let rank = &mut ranks[reader as usize];
            *rank = rank.max(here + communication);
        }
    }
    ranks
}

/// Tasks by decreasing upward rank, ties to the earlier in topological order.
pub(crate) fn by_upward_rank(joint: &JointGraph<'_>, means: &Means) -> Vec<u32> {
    let ranks = upward(joint, means, true);
    let mut order = joint.order().to_vec();
    order.sort_by_key(|&task| std::cmp::Reverse(ranks[task as usize].round() as u64));
    // A reader ties with its producer when the producer takes no time; the stable sort keeps it behind.
    order
}

/// Tasks that can be scheduled because their producers are.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    waiting: Vec<u32>,
}

impl Ready {
    /// The frontier before anything is scheduled, and the tasks in it by number.
    pub(crate) fn new(joint: &JointGraph<'_>) -> (Self, Vec<u32>) {
        let waiting: Vec<u32> = joint.tasks().map(|task| joint.predecessors(task).len() as u32).collect();
        let first = joint.tasks().filter(|&task| waiting[task as usize] == 0).collect();
        (Self { waiting }, first)
    }

    /// Appends the tasks that become ready when a task is scheduled, by number.
    pub(crate) fn schedule(&mut self, joint: &JointGraph<'_>, task: u32, ready: &mut Vec<u32>) {
        for (reader, _) in joint.successors(task) {
            let waiting = &mut self.waiting[reader as usize];
            *waiting -= 1;
            if *waiting == 0 {
                ready.push(reader);
            }
        }
    }
}
