/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a move saves or costs in power: packages that fall asleep or wake, and where the work is done. */
#include "config.h"

#include <math.h>

#include "policy/model.h"

/* Threads at work in the package of domain @d. */
static unsigned int package_threads(const struct dam_policy *p, unsigned int d)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < p->cfg.nr_domains; i++)
		if (p->power[i].package == p->power[d].package)
			nr += p->domain_threads[i];
	return nr;
}

/* By work that is none of the threads'. */
bool dam_power_kept_awake(const struct dam_policy *p, unsigned int package)
{
	for (unsigned int d = 0; d < p->cfg.nr_domains; d++)
		if (p->power[d].package == package && p->power[d].kept_awake)
			return true;
	return false;
}

static bool told(const struct dam_policy *p, unsigned int d)
{
	return p->power[d].idle_w > 0 || p->power[d].dynamic_w > 0 || p->power[d].wake_s > 0;
}

bool dam_power_asleep(const struct dam_policy *p, unsigned int d)
{
	return told(p, d) && !dam_power_kept_awake(p, p->power[d].package) && !package_threads(p, d);
}

static double package_idle(const struct dam_policy *p, unsigned int d)
{
	double sum = 0;

	for (unsigned int i = 0; i < p->cfg.nr_domains; i++)
		if (p->power[i].package == p->power[d].package)
			sum += p->power[i].idle_w;
	return sum;
}

static double package_most(const struct dam_policy *p, unsigned int d)
{
	double sum = package_idle(p, d);

	for (unsigned int i = 0; i < p->cfg.nr_domains; i++)
		if (p->power[i].package == p->power[d].package)
			sum += p->power[i].dynamic_w;
	return sum;
}

static double work_w(const struct dam_policy *p, const struct dam_thread *th, unsigned int d)
{
	return p->cfg.domain_cpus[d] ? th->cpu * p->power[d].dynamic_w / p->cfg.domain_cpus[d] : 0;
}

/*
 * P: the fall in Σ(awake·idle + u·dynamic) over the packages touched, by what they draw at most. @th is where
 * plan_domain says, and counted in domain_threads.
 */
double dam_power_term(const struct dam_policy *p, const struct dam_thread *th, unsigned int to)
{
	unsigned int from = th->plan_domain;
	bool same = p->power[from].package == p->power[to].package;
	double fall, most;

	if (p->cfg.weight_power <= 0 || from == to || !told(p, from) || !told(p, to))
		return 0;
	fall = work_w(p, th, from) - work_w(p, th, to);
	most = package_most(p, from) + (same ? 0 : package_most(p, to));
	if (!same && !dam_power_kept_awake(p, p->power[from].package) && package_threads(p, from) == 1)
		fall += package_idle(p, from);
	if (!same && dam_power_asleep(p, to))
		fall -= package_idle(p, to);
	return most > 0 ? p->cfg.weight_power * fall / most : 0;
}
