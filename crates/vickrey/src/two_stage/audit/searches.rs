//! The searches of an audit: reports of single players and of groups, bounds for seasons that end, what is known of honest
//! players.

use super::deviation::{MOST_CELLS, Search, Seat, laws_of, random_laws};
use super::{Audited, Audits, Deviations, Ground, Groups, Horizons, Known, horizon, played, stakes, words};
use crate::audit::Worst;
use crate::mechanism::AgentId;
use crate::numeric::sum::Sum;
use crate::two_stage::law::Supertypes;

impl<M: Audited> Ground<'_, M> {
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

    pub(super) fn deviations(&self, progress: &dyn Fn(f64)) -> Audits<M, Deviations> {
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
            format!("{} reports {}{others}", self.subject.name(player), words(&laws))
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

    pub(super) fn horizons(&self, progress: &dyn Fn(f64)) -> Audits<M, Horizons> {
        let spread = self.subject.market.largest(&self.days);
        let mut all = Horizons { spread, ..Horizons::default() };
        let distinct = self.distinct();
        for (k, &i) in distinct.iter().enumerate() {
            let seat = self.seat(self.subject.truth, &[i]);
            let window = self.window(self.subject.truth, i)?;
            let honest = seat.group.listed().then(|| seat.worth(&seat.honest())).flatten();
            let first = honest.zip(horizon::bound(&seat, &seat.honest(), window, self.most_arcs()));
            let Some((honest, first)) = first.filter(|_| seat.group.listed()) else {
                all.left += 1;
                continue;
            };
            all.window = all.window.max(window);
            let words_of = |reports: &Supertypes| {
                format!("{} reports {}", self.subject.name(i), words(&laws_of(reports, i, seat.signals())))
            };
            let mut own = Worst::default();
            own.see(first.bound - honest.candid, || words_of(&seat.honest()));
            let found = std::cell::RefCell::new(own);
            let tries = self.effort(&seat);
            let fewer = Search { random: tries.random / 10, local: tries.local / 4 };
            seat.search(fewer, self.options.seed, |reports, _| {
                let bound =
                    horizon::bound(&seat, reports, window, self.most_arcs()).map_or(f64::NAN, |b| b.bound);
                found.borrow_mut().see(bound - honest.candid, || words_of(reports));
                bound
            });
            let own = found.into_inner();
            if let Some((gain, error, words)) = self.riders(i, &seat.tempting())? {
                all.beyond.see(gain - 4.0 * error - own.value, || words.clone());
                all.gained.see(gain, || words);
            }
            all.epsilon = all.epsilon.join(own);
            progress((k + 1) as f64 / distinct.len() as f64);
        }
        Ok(all)
    }

    pub(super) fn groups(&self, progress: &dyn Fn(f64)) -> Audits<M, Groups> {
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
                let each = members.iter().map(|&i| {
                    format!("{} reports {}", self.subject.name(i), words(&laws_of(reports, i, signals)))
                });
                each.collect::<Vec<_>>().join(", ")
            };
            let most = honest.informed.map_or(honest.unseen, |informed| informed.max(honest.unseen));
            all.truthful.see(most - honest.candid, || {
                members.iter().map(|i| self.subject.name(*i)).collect::<Vec<_>>().join(", ")
            });
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

    pub(super) fn twins(&self, i: AgentId, j: AgentId) -> bool {
        let laws = |of: &Supertypes, i| laws_of(of, i, self.signals());
        self.subject.market.alike(i, j)
            && laws(self.subject.truth, i) == laws(self.subject.truth, j)
            && laws(self.subject.reports, i) == laws(self.subject.reports, j)
    }

    /// What holds if everybody is honest.
    pub(super) fn known(&self, honest: &played::Honest) -> Audits<M, Known> {
        let (market, truth) = (self.subject.market, self.subject.truth);
        let plan = self.plan(truth)?;
        let contribution = self.contributions(&plan);
        let departs = market.departs(&self.days);
        let outlay = market.outlay(&plan, &self.days);
        let doubt = market.doubt(&plan, &self.days);
        let mut known = Known { contribution, departs, outlay, doubt, ..Known::default() };
        let everybody = stakes::Group::new(market, &self.days, truth, &[], self.most_settled());
        let mut welfare = Sum::default();
        let listed = everybody.every(&plan, |p, here| {
            welfare.add(p * (here.settled.reported.iter().sum::<f64>() - here.settled.cost));
            let regret = market.regret(here.day, here.draw, here.bids, &here.settled.decision);
            known
                .regret
                .see(regret, || format!("bids {:?}, public signal {}", here.bids, market.signal(here.day)));
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
                known.contributions.see(off, || format!("contribution of {}", self.subject.name(i)));
            }
        }
        known.regret = known.regret.join(honest.regret.clone());
        Ok(known)
    }
}
