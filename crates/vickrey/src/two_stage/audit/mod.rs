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
mod searches;
mod stakes;

pub use self::audited::{Audited, Squares, Stake};
pub use self::deviation::Worth;
use self::deviation::{Seat, laws_of};
pub use self::horizon::Bound;
use super::law::{Law, SupertypeError, Supertypes};
use super::market::{Market, Unusable};
use super::season::OpenError;
use super::simulate::Calendar;
use super::test::{Terms, Tests};
use crate::audit::{AuditOptions, Effort, Progress, Worst};
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
    /// What players are called in sentences; empty: "player 3".
    pub names: &'a [String],
}

impl<M: Market> Subject<'_, M> {
    fn name(&self, player: AgentId) -> String {
        self.names.get(player).cloned().unwrap_or_else(|| format!("player {player}"))
    }
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
/// Gains and losses are money a day; tolerances are rounding and ties, and what expected costs may be off by.
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
    // Before the laws are put where there is no player.
    if player >= subject.reports.players() {
        return Err(AuditError::Group(vec![player]));
    }
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
    let ground = Ground::new(subject, AuditOptions { seed: 0, effort: Effort::Deep })?;
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
    let ground = Ground::new(subject, AuditOptions { seed: 0, effort: Effort::Deep })?;
    ground.check_group(&[player])?;
    let reports = subject.reports.with(player, laws);
    reports.fit(subject.market.types(), subject.market.signals()).map_err(OpenError::Reports)?;
    let window = ground.window(&reports, player)?;
    Ok(horizon::bound(&ground.seat(subject.reports, &[player]), &reports, window, ground.most_arcs()))
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
    /// What welfare and contributions may be off by, money; 0 where they are exact but for rounding.
    doubt: f64,
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
        Seat::new(self.subject.market, &self.days, reports, self.subject.truth, members, self.most_settled())
    }

    /// Steps (settled days times players) that one set of tables may take.
    fn most_settled(&self) -> f64 {
        self.options.effort.pick(5e4, 5e5, 1e7)
    }

    /// Connections of a program.
    fn most_arcs(&self) -> usize {
        self.options.effort.pick(2000, 20_000, 200_000)
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
