/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The timeline of a run as a picture: a row for each engine with its utilisation as an area, the forecast as a line
 * within the band up to its bound, and each move as a line from the row that a thread left to the one it came to.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tools/sim/sim.h"

#define LEFT	    150.0
#define RIGHT	    70.0
#define TOP	    92.0
#define PLOT	    980.0 /* pixels of time */
#define FOOT	    44.0
#define TALLEST	    120.0 /* of a row */
#define SHORTEST    22.0
#define ROWS_HEIGHT 620.0 /* of all rows together, if they can be so low */
#define GAP	    0.16  /* of a row, above it */
#define HIGHEST	    1.3	  /* utilisation at the top of a row; beyond is cut off */
#define FAINT	    60	  /* moves that are drawn boldly; more of them are fainter */

static const char style[] =
	"text{font-family:'DejaVu Sans',Helvetica,Arial,sans-serif;fill:#333}"
	".title{font-size:17px;font-weight:600;fill:#111}.sub{font-size:12px;fill:#666}"
	".name{font-size:12px;font-weight:600}.small{font-size:10px;fill:#777}"
	".row{fill:#f6f7f9}.full{stroke:#b9bec7;stroke-dasharray:3 3}.grid{stroke:#e3e6eb}"
	".util{fill:#4a90d9;fill-opacity:.55;stroke:#2f6fb3;stroke-width:.8}"
	".band{fill:#f0a030;fill-opacity:.25}.mean{fill:none;stroke:#d9780a;stroke-width:1.1}"
	".move{stroke:#1d8a4e;stroke-width:1}.from{fill:#c8372d}.to{fill:#1d8a4e}"
	".event{stroke:#8a3ab9;stroke-dasharray:2 2}.eventname{font-size:10px;fill:#8a3ab9}";

struct picture {
	FILE *f;
	const struct sim_scenario *s;
	const struct sim_result *r;
	const struct sim_timeline *t;
	double row, height, end_s;
};

static double x_at(const struct picture *p, double time_s)
{
	return LEFT + PLOT * fmin(time_s / p->end_s, 1);
}

/* Where a share of an engine's capacity is; rows grow upwards from their lower edge. */
static double y_at(const struct picture *p, unsigned int e, double share)
{
	double low = TOP + p->row * (e + 1);

	return low - p->row * (1 - GAP) * fmin(fmax(share, 0), HIGHEST) / HIGHEST;
}

/* Text of unknown origin. */
static void put_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '<' || *text == '>' || *text == '&' || *text == '"' || (unsigned char)*text < ' ')
			fprintf(f, "&#%u;", (unsigned char)*text < ' ' ? '?' : (unsigned int)*text);
		else
			fputc(*text, f);
	}
}

static void put_label(const struct picture *p, double x, double y, const char *class, const char *anchor,
		      const char *text)
{
	fprintf(p->f, "<text x='%.1f' y='%.1f' class='%s' text-anchor='%s'>", x, y, class, anchor);
	put_text(p->f, text);
	fputs("</text>\n", p->f);
}

static void put_legend(const struct picture *p)
{
	static const struct {
		const char *shape, *text;
	} items[] = {
		{"<rect width='18' height='10' class='util'/>", "utilisation"},
		{"<line y1='5' y2='5' x2='18' class='mean'/>", "forecast"},
		{"<rect width='18' height='10' class='band'/>", "up to its bound"},
		{"<line x1='9' x2='9' y2='10' class='move'/><circle cx='9' cy='0' r='2.5' class='from'/>"
		 "<circle cx='9' cy='10' r='2.5' class='to'/>", "move: from, to"},
		{"<line x1='9' x2='9' y2='10' class='event'/>", "capacity changes"},
	};
	double x = LEFT;

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		fprintf(p->f, "<g transform='translate(%.1f,62)'>%s</g>\n", x, items[i].shape);
		put_label(p, x + 24, 71, "sub", "start", items[i].text);
		x += 48 + 7 * (double)strlen(items[i].text);
	}
}

static void put_head(const struct picture *p)
{
	const char *name = strrchr(p->s->path, '/');
	char text[256], bytes[32], latency[64] = "";

	if (isfinite(p->r->p99_s))
		snprintf(latency, sizeof(latency), " · p99 latency %.3g ms", p->r->p99_s * 1e3);
	snprintf(text, sizeof(text), "%.120s under %s", name ? name + 1 : p->s->path, p->r->policy);
	put_label(p, LEFT, 26, "title", "start", text);
	snprintf(text, sizeof(text), "%u threads · %u engines · %u domains · %s/s%s · %lu moves", p->s->nr_threads,
		 p->s->nr_engines, p->s->topo.nr_domains, dam_format_bytes(p->r->throughput, bytes, sizeof(bytes)),
		 latency, p->r->moves);
	put_label(p, LEFT, 45, "sub", "start", text);
	put_legend(p);
}

/* A step of 1, 2 or 5 times a power of ten, about ten of them. */
static double tick_step(double end_s)
{
	static const double steps[] = {1, 2, 5, 10};
	double unit = pow(10, floor(log10(end_s / 10)));
	unsigned int i = 0;

	while (i < 3 && end_s / (steps[i] * unit) > 10.5)
		i++;
	return steps[i] * unit;
}

static void put_time_axis(const struct picture *p)
{
	double step = tick_step(p->end_s), low = TOP + p->row * p->t->nr_engines;
	char text[32];

	for (double t = 0; t <= p->end_s * (1 + 1e-9); t += step) {
		fprintf(p->f, "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' class='grid'/>\n", x_at(p, t), x_at(p, t),
			TOP + p->row * GAP, low + 5);
		snprintf(text, sizeof(text), "%.4g s", t);
		put_label(p, x_at(p, t), low + 19, "sub", "middle", text);
	}
}

static void put_row(const struct picture *p, unsigned int e)
{
	const struct sim_engine *en = &p->s->engine[e];
	double low = y_at(p, e, 0), high = y_at(p, e, HIGHEST), full = y_at(p, e, 1), sum = 0;
	char text[96], bytes[32];

	fprintf(p->f, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' class='row'/>\n", LEFT, high, PLOT, low - high);
	for (unsigned int i = 0; i < p->t->nr_points; i++)
		sum += (double)p->t->util[(size_t)e * p->t->nr_points + i] * p->t->point_s;
	snprintf(text, sizeof(text), "%.16s", en->name);
	put_label(p, LEFT - 10, (low + high) / 2 + (p->row > 40 ? -2 : 4), "name", "end", text);
	if (p->row > 40) {
		snprintf(text, sizeof(text), "%s/s%s%.12s", dam_format_bytes(en->capacity, bytes, sizeof(bytes)),
			 en->pool >= 0 ? ", " : "", en->pool >= 0 ? en->pool_name : "");
		put_label(p, LEFT - 10, (low + high) / 2 + 12, "small", "end", text);
	}
	snprintf(text, sizeof(text), "%.0f %%", 100 * sum / p->end_s);
	put_label(p, LEFT + PLOT + 10, (low + high) / 2 + 4, "sub", "start", text);
	fprintf(p->f, "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' class='full'/>\n", LEFT, LEFT + PLOT, full, full);
}

/* A polyline through the finite values of a series; several where there are holes. @down: and back along another. */
static void put_series(const struct picture *p, unsigned int e, const float *series, const float *down,
		       const char *class)
{
	const float *v = series + (size_t)e * p->t->nr_points, *w = down ? down + (size_t)e * p->t->nr_points : NULL;
	unsigned int nr = p->t->nr_points - 1;

	for (unsigned int i = 0, end; i < nr; i = end + 1) {
		for (end = i; end < nr && isfinite(v[end]); end++)
			;
		if (end <= i + 1)
			continue;
		fprintf(p->f, "<path class='%s' d='M", class);
		for (unsigned int k = i; k < end; k++)
			fprintf(p->f, "%.1f %.1f ", x_at(p, (k + 0.5) * p->t->point_s), y_at(p, e, (double)v[k]));
		for (unsigned int k = end; w && k-- > i;)
			fprintf(p->f, "%.1f %.1f ", x_at(p, (k + 0.5) * p->t->point_s), y_at(p, e, (double)w[k]));
		fputs(w ? "Z'/>\n" : "'/>\n", p->f);
	}
}

/* The area below a series. */
static void put_area(const struct picture *p, unsigned int e)
{
	const float *v = p->t->util + (size_t)e * p->t->nr_points;

	fprintf(p->f, "<path class='util' d='M%.1f %.1f ", LEFT, y_at(p, e, 0));
	for (unsigned int i = 0; i + 1 < p->t->nr_points; i++)
		fprintf(p->f, "%.1f %.1f ", x_at(p, (i + 0.5) * p->t->point_s), y_at(p, e, (double)v[i]));
	fprintf(p->f, "%.1f %.1f Z'/>\n", LEFT + PLOT, y_at(p, e, 0));
}

static void put_events(const struct picture *p)
{
	char text[64], bytes[32];

	for (unsigned int i = 0; i < p->s->nr_events; i++) {
		const struct sim_event *ev = &p->s->event[i];
		unsigned int e = (unsigned int)ev->engine;

		if (ev->at_s >= p->end_s)
			continue;
		fprintf(p->f, "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' class='event'/>\n", x_at(p, ev->at_s),
			x_at(p, ev->at_s), y_at(p, e, 0), y_at(p, e, HIGHEST));
		snprintf(text, sizeof(text), "%s/s",
			 dam_format_bytes(ev->capacity > 0 ? ev->capacity : ev->write, bytes, sizeof(bytes)));
		put_label(p, x_at(p, ev->at_s) + 4, y_at(p, e, HIGHEST) + 9, "eventname", "start", text);
	}
}

static void put_moves(const struct picture *p)
{
	double opacity = fmax(0.15, fmin(0.9, 0.9 * FAINT / (p->t->nr_marks + 1)));

	fprintf(p->f, "<g opacity='%.2f'>\n", opacity);
	for (unsigned int i = 0; i < p->t->nr_marks; i++) {
		const struct sim_mark *m = &p->t->mark[i];
		double x = x_at(p, m->time_s), from, to;

		from = y_at(p, (unsigned int)m->from, HIGHEST / 2);
		to = y_at(p, (unsigned int)m->to, HIGHEST / 2);
		fprintf(p->f, "<g><title>%.2f s: thread %u, %s</title>", m->time_s, m->thread,
			dam_policy_trigger_name(m->why));
		fprintf(p->f, "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' class='move'/>", x, x, from, to);
		fprintf(p->f, "<circle cx='%.1f' cy='%.1f' r='2.5' class='from'/>", x, from);
		fprintf(p->f, "<circle cx='%.1f' cy='%.1f' r='2.5' class='to'/></g>\n", x, to);
	}
	fputs("</g>\n", p->f);
}

static void draw(const struct picture *p)
{
	double width = LEFT + PLOT + RIGHT;

	fprintf(p->f, "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' viewBox='0 0 %.0f %.0f'>\n",
		width, p->height, width, p->height);
	fprintf(p->f, "<style>%s</style>\n<rect width='100%%' height='100%%' fill='#fff'/>\n", style);
	put_head(p);
	for (unsigned int e = 0; e < p->t->nr_engines; e++)
		put_row(p, e);
	put_time_axis(p);
	for (unsigned int e = 0; e < p->t->nr_engines; e++) {
		put_area(p, e);
		put_series(p, e, p->t->p90, p->t->mean, "band");
		put_series(p, e, p->t->mean, NULL, "mean");
	}
	put_events(p);
	put_moves(p);
	fputs("</svg>\n", p->f);
}

int sim_svg_write(const char *path, const struct sim_scenario *s, const struct sim_result *r,
		  const struct sim_timeline *t)
{
	struct picture p = {.s = s, .r = r, .t = t, .end_s = s->seconds};
	int err = 0;

	p.row = fmin(fmax(ROWS_HEIGHT / fmax(t->nr_engines, 1), SHORTEST), TALLEST);
	p.height = TOP + p.row * t->nr_engines + FOOT;
	p.f = fopen(path, "we");
	if (!p.f)
		return -errno;
	draw(&p);
	if (ferror(p.f))
		err = -EIO;
	if (fclose(p.f) && !err)
		err = -errno;
	return err;
}
