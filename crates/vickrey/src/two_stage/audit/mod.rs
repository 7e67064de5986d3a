//! What the two-stage mechanism promises, and the search for violations on the market at hand (paper 001).
//!
//! | promise | condition | how it is checked |
//! |---|---|---|
//! | efficiency | everybody honest | decisions against others at every profile of bids; welfare against a program of its own |
//! | honesty is best in the long run, whatever the others report | types independent over days and players, bids sealed, nobody else knows a type before bidding, signals in the tests | the best lie that no test sees is an optimal transport, solved exactly; which law to report is searched for |
//! | a bound for a season that ends | penalties large enough | a program over frequencies, solved exactly; seasons in which somebody uses the window |
//! | groups with true laws gain nothing by bidding together | outsiders do not know the group's types | transports of joint types |
//! | nobody is worse off | nobody is used where she is absent | contributions W* - W*_{-i} |
//! | accounts add up | none | every day of seasons that are played; contributions against a program of their own |
//! | outlay at most the cost of the reserve alone | demand response without limits and purchases, a reserve | sum of contributions and cost |
//! | honest players pass the tests | a window with a bound on false alarms, sealed bids | seasons that are played |
//! | lies that the tests can see are flagged | a season that is long enough | seasons that are played |
//!
//! What is not promised is computed as well and reported for what it is: gains of groups that lie about their laws, of
//! players who tell a rival their type, of answers to what the tests do not see, and of lies if there were no tests.

mod audited;
mod deviation;
mod flow;
mod horizon;
mod played;
mod rows;
mod stakes;

pub use self::audited::{Audited, Squares, Stake};
pub use self::deviation::Worth;
use self::deviation::{MOST_CELLS, Search, Seat, laws_of, random_laws};
pub use self::horizon::Bound;
use super::law::{Law, SupertypeError, Supertypes};
use super::market::{Market, Unusable};
use super::season::OpenError;
use super::simulate::Calendar;
use super::test::{Terms, Tests};
use crate::audit::{AuditOptions, Progress, Worst};
use crate::guarantee::Audit;
use crate::mechanism::AgentId;

/// What is audited.
#[derive(Debug)]
pub struct Subject<'a, M: Market> {
    /// The market.
    pub market: &'a M,
    /// What the players report: what a player's rivals bid by.
    pub reports: &'a Supertypes,
    /// Their true laws.
    pub truth: &'a Supertypes,
    /// The tests.
    pub terms: Terms,
    /// What is publicly known day by day.
    pub calendar: &'a Calendar<M::Day>,
    /// Days of the season.
    pub days: u64,
    /// Groups to look at besides all pairs.
    pub groups: &'a [Vec<AgentId>],
}

/// Why nothing can be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError<E: std::error::Error + 'static> {
    /// Reports or terms do not fit, or the market cannot be solved.
    #[error(transparent)]
    Open(#[from] OpenError<E>),
    /// True laws that do not fit the players.
    #[error("true laws: {0}")]
    Truth(#[source] SupertypeError),
    /// Days that cannot be.
    #[error("calendar: {0}")]
    Calendar(String),
    /// No days to play.
    #[error("days of the season: found 0, accepted is at least 1")]
    Days,
    /// A group that is none.
    #[error("group {0:?}: accepted are numbers of players, each once, at least one")]
    Group(Vec<AgentId>),
}

type Audits<M, T> = Result<T, AuditError<<M as Market>::Error>>;

/// A subject that was found to fit together.
struct Ground<'a, M: Audited> {
    subject: &'a Subject<'a, M>,
    /// Kinds of days and their shares.
    days: Vec<(f64, M::Day)>,
    options: AuditOptions,
}

/// Audits a season of a market.
///
/// Gains and losses are money a day; tolerances are rounding and ties.
///
/// # Errors
/// Reports, true laws, terms, calendar or groups do not fit the market, or it cannot be solved.
pub fn audit<M: Audited>(
    subject: &Subject<'_, M>,
    options: &AuditOptions,
    progress: Progress<'_>,
) -> Audits<M, Audit> {
    let ground = Ground::new(subject, *options)?;
    progress(0.02);
    let honest = ground.honest_seasons()?;
    progress(0.2);
    let lies = ground.lies()?;
    progress(0.35);
    let known = ground.known(&honest)?;
    progress(0.45);
    let deviations = ground.deviations(&|done| progress(0.45 + 0.25 * done))?;
    let horizons = ground.horizons(&|done| progress(0.7 + 0.15 * done))?;
    let groups = ground.groups(&|done| progress(0.85 + 0.15 * done))?;
    let found = rows::Found { honest, lies, known, deviations, horizons, groups };
    progress(1.0);
    Ok(rows::Rows { ground: &ground, found: &found }.audit())
}

/// What one player has from reporting `laws` (one for each signal) while the others report as in the subject, and what
/// the same is with her true laws. None if the others' bids are too many to list and there is no closed form.
///
/// # Errors
/// As [`audit`].
pub fn deviation<M: Audited>(
    subject: &Subject<'_, M>,
    player: AgentId,
    laws: Vec<Law>,
) -> Audits<M, Option<[Worth; 2]>> {
    let changed = subject.reports.with(player, laws);
    group(subject, &[player], &changed)
}

/// The same for a group whose members report as in `reports`, from which only their laws are taken.
///
/// # Errors
/// As [`audit`].
pub fn group<M: Audited>(
    subject: &Subject<'_, M>,
    members: &[AgentId],
    reports: &Supertypes,
) -> Audits<M, Option<[Worth; 2]>> {
    let ground = Ground::new(subject, AuditOptions { seed: 0, effort: crate::audit::Effort::Quick })?;
    ground.check_group(members)?;
    reports.fit(subject.market.types(), subject.market.signals()).map_err(OpenError::Reports)?;
    let seat = ground.seat(subject.reports, members);
    let mut lie = subject.reports.clone();
    for &i in members {
        lie = lie.with(i, laws_of(reports, i, seat.signals()));
    }
    Ok(seat.worth(&lie).zip(seat.worth(&seat.honest())).map(|(lie, honest)| [lie, honest]))
}

/// What no way of bidding of a player who reports `laws` has more than on average over the days of the subject, if she is
/// not flagged on the last of them. None if the program is too large.
///
/// # Errors
/// As [`audit`].
pub fn horizon<M: Audited>(
    subject: &Subject<'_, M>,
    player: AgentId,
    laws: Vec<Law>,
) -> Audits<M, Option<Bound>> {
    let ground = Ground::new(subject, AuditOptions { seed: 0, effort: crate::audit::Effort::Quick })?;
    ground.check_group(&[player])?;
    let reports = subject.reports.with(player, laws);
    reports.fit(subject.market.types(), subject.market.signals()).map_err(OpenError::Reports)?;
    let window = ground.window(&reports, player)?;
    Ok(horizon::bound(&ground.seat(subject.reports, &[player]), &reports, window))
}

/// What searches over reports of one player found.
#[derive(Debug, Default)]
struct Deviations {
    /// Gains of the best lie that no test sees, others' bids unseen or not.
    unseen: Worst,
    /// Gains of bids drawn from the reported law.
    mimic: Worst,
    /// Gains of a false law with honest bids and no tests, and of any bids.
    untested: Worst,
    /// Gains of answers to an announced number inside its class of days.
    within: Worst,
    /// Gains of a player whose type a rival knows.
    told: Worst,
    /// What transports are not known to.
    gap: f64,
    /// Players who were not looked at, because the others' bids are too many.
    left: usize,
}

/// What is known of seasons that end.
#[derive(Debug, Default)]
struct Horizons {
    /// Bounds less honest utility: epsilon.
    epsilon: Worst,
    /// What seasons that were played gained beyond epsilon, less four standard errors.
    beyond: Worst,
    /// What they gained.
    gained: Worst,
    /// R: the largest difference that a type makes on a day, if it is known.
    spread: Option<f64>,
    /// The window on the last day.
    window: f64,
    left: usize,
}

/// What groups found.
#[derive(Debug, Default)]
struct Groups {
    /// Gains with true laws.
    truthful: Worst,
    /// Gains with false laws.
    lying: Worst,
    gap: f64,
    left: usize,
}

/// What holds for the true laws.
#[derive(Debug, Default)]
struct Known {
    /// By player: mean contribution of a day.
    contribution: Vec<f64>,
    /// Welfare, if it could be enumerated.
    achieved: Option<f64>,
    /// The best there is less what is achieved.
    welfare: Worst,
    /// Contributions against W* less W*_{-i}.
    contributions: Worst,
    /// Regrets over all profiles of bids.
    regret: Worst,
    /// The operator's expected outlay, and what it may be.
    outlay: Option<(f64, f64)>,
    /// The planner's expected receipts less cost.
    surplus: f64,
    departs: Option<String>,
}

/// Share and kind of the days of a calendar.
fn kinds<D: Clone + PartialEq>(calendar: &Calendar<D>) -> Vec<(f64, D)> {
    let each: Vec<(f64, &D)> = match calendar {
        Calendar::Listed(days) => days.iter().map(|day| (1.0 / days.len() as f64, day)).collect(),
        Calendar::Drawn { days, law } => law.probabilities().iter().copied().zip(days).collect(),
    };
    let mut kinds: Vec<(f64, D)> = Vec::new();
    for (p, day) in each.into_iter().filter(|(p, _)| *p > 0.0) {
        match kinds.iter_mut().find(|(_, other)| other == day) {
            Some(kind) => kind.0 += p,
            None => kinds.push((p, day.clone())),
        }
    }
    kinds
}

impl<'a, M: Audited> Ground<'a, M> {
    fn new(subject: &'a Subject<'a, M>, options: AuditOptions) -> Audits<M, Self> {
        let market = subject.market;
        subject.reports.fit(market.types(), market.signals()).map_err(OpenError::Reports)?;
        subject.truth.fit(market.types(), market.signals()).map_err(AuditError::Truth)?;
        subject.terms.check().map_err(OpenError::Terms)?;
        if subject.days == 0 {
            return Err(AuditError::Days);
        }
        let fine = match subject.calendar {
            Calendar::Listed(days) => !days.is_empty(),
            Calendar::Drawn { days, law } => days.len() == law.types(),
        };
        if !fine {
            return Err(AuditError::Calendar("accepted are days, one for each probability".into()));
        }
        let days = kinds(subject.calendar);
        for (_, day) in &days {
            let wrong = |error: Unusable| AuditError::Calendar(error.to_string());
            market.check(day, None).map_err(wrong)?;
        }
        let ground = Self { subject, days, options };
        subject.groups.iter().try_for_each(|group| ground.check_group(group))?;
        ground.plan(subject.reports)?;
        Ok(ground)
    }

    fn check_group(&self, group: &[AgentId]) -> Audits<M, ()> {
        let wrong = |(k, i): (usize, &AgentId)| *i >= self.players() || group[..k].contains(i);
        let fine = !group.is_empty() && !group.iter().enumerate().any(wrong);
        if fine { Ok(()) } else { Err(AuditError::Group(group.to_vec())) }
    }

    fn plan(&self, reports: &Supertypes) -> Audits<M, M::Plan> {
        Ok(self.subject.market.plan(reports).map_err(OpenError::Plan)?)
    }

    fn players(&self) -> usize {
        self.subject.market.types().len()
    }

    fn signals(&self) -> usize {
        self.subject.market.signals()
    }

    fn seat(&self, reports: &Supertypes, members: &[AgentId]) -> Seat<'_, M> {
        Seat::new(self.subject.market, &self.days, reports, self.subject.truth, members)
    }

    fn tests(&self, reports: &Supertypes) -> Audits<M, Tests> {
        let market = self.subject.market;
        let scores = |i: AgentId, t: usize| market.score(i, t);
        let tests =
            Tests::new(reports.clone(), market.types(), market.signals(), self.subject.terms, &scores);
        Ok(tests.map_err(OpenError::Terms)?)
    }

    /// r(L) on the last day; infinite if the tests do not speak on it.
    fn window(&self, reports: &Supertypes, player: AgentId) -> Audits<M, f64> {
        let (terms, last) = (&self.subject.terms, self.subject.days);
        let speaks = last > terms.burn_in && last >= terms.window.first_day();
        Ok(if speaks { self.tests(reports)?.threshold(player).window(last) } else { f64::INFINITY })
    }

    /// One of every kind of players: those who are alike, with the same laws, differ by their number only.
    fn distinct(&self) -> Vec<AgentId> {
        let mut distinct: Vec<AgentId> = Vec::new();
        for j in 0..self.players() {
            if !distinct.iter().any(|i| self.twins(*i, j)) {
                distinct.push(j);
            }
        }
        let most = self.options.effort.pick(6, 40, usize::MAX);
        distinct.truncate(most);
        distinct
    }

    /// Contributions of a day on average, by player; they do not depend on bids.
    fn contributions(&self, plan: &M::Plan) -> Vec<f64> {
        let market = self.subject.market;
        let mut settled = super::market::Settled::new(self.players());
        let bids = vec![0; self.players()];
        let mut sum = vec![0.0; self.players()];
        for (p, day) in &self.days {
            if let Some((_, draw)) = market.draws(day).first() {
                market.settle(plan, day, draw, &bids, &mut settled);
                sum.iter_mut().zip(&settled.contribution).for_each(|(sum, x)| *sum += p * x);
            }
        }
        sum
    }

    /// How much is searched for a seat: many reports where one of them is cheap.
    fn effort(&self, seat: &Seat<'_, M>) -> Search {
        let rests: usize = seat.group.rests.iter().flatten().map(Vec::len).sum();
        let each = match seat.inform {
            true => (rests * seat.group.joint * seat.group.joint * self.players()) as f64,
            false => (180 * self.players() * seat.group.joint) as f64,
        };
        let room = self.options.effort.pick(2e6, 5e7, 5e9) / (each + 1000.0);
        let tries = (room as usize).min(self.options.effort.pick(40, 300, 4000));
        Search { random: tries / 2, local: tries / 2 }
    }

    fn deviations(&self, progress: &dyn Fn(f64)) -> Audits<M, Deviations> {
        let mut all = Deviations::default();
        let distinct = self.distinct();
        for (k, &i) in distinct.iter().enumerate() {
            self.deviation(self.subject.reports, i, "", &mut all)?;
            for draw in 0..self.options.effort.pick(1, 3, 20) {
                let Some(rivals) = random_laws(self.subject.market, self.options.seed, draw) else {
                    continue;
                };
                let words = format!(", others report other laws (draw {draw})");
                self.deviation(&rivals, i, &words, &mut all)?;
            }
            progress((k + 1) as f64 / distinct.len() as f64);
        }
        Ok(all)
    }

    fn deviation(
        &self,
        reports: &Supertypes,
        player: AgentId,
        others: &str,
        all: &mut Deviations,
    ) -> Audits<M, ()> {
        let seat = self.seat(reports, &[player]);
        let Some(honest) = seat.known().then(|| seat.worth(&seat.honest())).flatten() else {
            all.left += 1;
            return Ok(());
        };
        let base = honest.candid;
        let found = std::cell::RefCell::new(std::mem::take(all));
        let at = |reports: &Supertypes| {
            let laws = laws_of(reports, player, seat.signals());
            format!("player {player} reports {}{others}", words(&laws))
        };
        let best = seat.search(self.effort(&seat), self.options.seed, |reports, worth| {
            let mut all = found.borrow_mut();
            let most = worth.informed.map_or(worth.unseen, |informed| informed.max(worth.unseen));
            all.unseen.see(most - base, || at(reports));
            all.mimic.see(worth.mimic - base, || at(reports));
            all.untested.see(worth.untested.max(worth.candid) - base, || at(reports));
            if let Some(within) = worth.within {
                all.within.see(within - base, || at(reports));
            }
            all.gap = all.gap.max(worth.gap);
            most - base
        });
        *all = found.into_inner();
        let told = |reports: &Supertypes| seat.told(reports).map(|value| value - base);
        let candidates = best.map(|(_, reports, _)| reports).into_iter().chain([seat.honest()]);
        for reports in candidates {
            if let Some(gain) = seat.group.listed().then(|| told(&reports)).flatten() {
                all.told.see(gain, || at(&reports));
            }
        }
        Ok(())
    }

    fn horizons(&self, progress: &dyn Fn(f64)) -> Audits<M, Horizons> {
        let spread = self.subject.market.largest(&self.days);
        let mut all = Horizons { spread, ..Horizons::default() };
        let distinct = self.distinct();
        for (k, &i) in distinct.iter().enumerate() {
            let seat = self.seat(self.subject.truth, &[i]);
            let window = self.window(self.subject.truth, i)?;
            let honest = seat.group.listed().then(|| seat.worth(&seat.honest())).flatten();
            let first = honest.zip(horizon::bound(&seat, &seat.honest(), window));
            let Some((honest, first)) = first.filter(|_| seat.group.listed()) else {
                all.left += 1;
                continue;
            };
            all.window = all.window.max(window);
            let words_of = |reports: &Supertypes| {
                format!("player {i} reports {}", words(&laws_of(reports, i, seat.signals())))
            };
            let mut own = Worst::default();
            own.see(first.bound - honest.candid, || words_of(&seat.honest()));
            let found = std::cell::RefCell::new(own);
            let tries = self.effort(&seat);
            let fewer = Search { random: tries.random / 10, local: tries.local / 4 };
            seat.search(fewer, self.options.seed, |reports, _| {
                let bound = horizon::bound(&seat, reports, window).map_or(f64::NAN, |b| b.bound);
                found.borrow_mut().see(bound - honest.candid, || words_of(reports));
                bound
            });
            let own = found.into_inner();
            if let Some((gain, error, words)) = self.riders(i)? {
                all.beyond.see(gain - 4.0 * error - own.value, || words.clone());
                all.gained.see(gain, || words);
            }
            all.epsilon = all.epsilon.join(own);
            progress((k + 1) as f64 / distinct.len() as f64);
        }
        Ok(all)
    }

    fn groups(&self, progress: &dyn Fn(f64)) -> Audits<M, Groups> {
        let mut all = Groups::default();
        let sets = self.sets();
        let most = (MOST_CELLS as f64).sqrt().min(self.options.effort.pick(16.0, 36.0, 225.0));
        for (k, members) in sets.iter().enumerate() {
            let joint: f64 = members.iter().map(|&i| self.subject.market.types()[i] as f64).product();
            if joint > most {
                all.left += 1;
                continue;
            }
            let mut seat = self.seat(self.subject.reports, members);
            let Some(honest) = seat.group.listed().then(|| seat.worth(&seat.honest())).flatten() else {
                all.left += 1;
                continue;
            };
            let signals = seat.signals();
            let name = |reports: &Supertypes| {
                let each = members
                    .iter()
                    .map(|&i| format!("player {i} reports {}", words(&laws_of(reports, i, signals))));
                each.collect::<Vec<_>>().join(", ")
            };
            let most = honest.informed.map_or(honest.unseen, |informed| informed.max(honest.unseen));
            all.truthful.see(most - honest.candid, || format!("players {members:?}"));
            all.gap = all.gap.max(honest.gap);
            let base = honest.candid;
            seat.inform = false;
            let effort = self.effort(&seat);
            let found = std::cell::RefCell::new(std::mem::take(&mut all.lying));
            seat.search(effort, self.options.seed, |reports, worth| {
                found.borrow_mut().see(worth.unseen - base, || name(reports));
                worth.unseen
            });
            all.lying = found.into_inner();
            progress((k + 1) as f64 / sets.len() as f64);
        }
        Ok(all)
    }

    /// All pairs that differ by more than numbers, and the given groups.
    fn sets(&self) -> Vec<Vec<AgentId>> {
        let kind: Vec<AgentId> = self.distinct();
        let mut sets: Vec<Vec<AgentId>> = self.subject.groups.to_vec();
        for (k, &i) in kind.iter().enumerate() {
            sets.extend(kind[k + 1..].iter().map(|&j| vec![i, j]));
            let twin = (0..self.players()).find(|&j| j != i && self.twins(i, j));
            sets.extend(twin.map(|j| vec![i, j]));
        }
        sets.truncate(self.options.effort.pick(10, 100, usize::MAX).max(self.subject.groups.len()));
        sets
    }

    fn twins(&self, i: AgentId, j: AgentId) -> bool {
        let laws = |of: &Supertypes, i| laws_of(of, i, self.signals());
        self.subject.market.alike(i, j)
            && laws(self.subject.truth, i) == laws(self.subject.truth, j)
            && laws(self.subject.reports, i) == laws(self.subject.reports, j)
    }

    /// What holds if everybody is honest.
    fn known(&self, honest: &played::Honest) -> Audits<M, Known> {
        let (market, truth) = (self.subject.market, self.subject.truth);
        let plan = self.plan(truth)?;
        let contribution = self.contributions(&plan);
        let departs = market.departs(&self.days);
        let outlay = market.outlay(&plan, &self.days);
        let mut known = Known { contribution, departs, outlay, ..Known::default() };
        let everybody = stakes::Group::new(market, &self.days, truth, &[], deviation::MOST_SETTLED);
        let mut welfare = crate::numeric::sum::Sum::default();
        let listed = everybody.every(&plan, |p, here| {
            welfare.add(p * (here.settled.reported.iter().sum::<f64>() - here.settled.cost));
            let regret = market.regret(here.day, here.draw, here.bids, &here.settled.decision);
            known.regret.see(regret, || format!("bids {:?} on {:?}", here.bids, here.day));
        });
        known.achieved = listed.map(|()| welfare.get());
        let most = self.options.effort.pick(1e7, 1e8, 1e10);
        let best = market.optimum(truth, &self.days, None, most);
        if let Some((achieved, best)) = known.achieved.zip(best) {
            known.welfare.see(best - achieved, || "all days and types".into());
        }
        let given: f64 = known.contribution.iter().sum();
        let mean = known.achieved.or(best).unwrap_or(f64::NAN);
        known.surplus = mean - given;
        for i in self.distinct() {
            let without = best.and_then(|_| market.optimum(truth, &self.days, Some(i), most));
            if let Some((best, without)) = best.zip(without) {
                let off = (known.contribution[i] - (best - without)).abs();
                known.contributions.see(off, || format!("contribution of player {i}"));
            }
        }
        known.regret = known.regret.join(honest.regret.clone());
        Ok(known)
    }
}

/// Laws in words.
fn words(laws: &[Law]) -> String {
    let one = |law: &Law| {
        let each: Vec<String> = law.probabilities().iter().map(|p| format!("{p:.4}")).collect();
        format!("({})", each.join(", "))
    };
    let same = laws.iter().all(|law| *law == laws[0]);
    let shown = if same { &laws[..1] } else { laws };
    shown.iter().map(one).collect::<Vec<_>>().join(" and by signal ")
}
