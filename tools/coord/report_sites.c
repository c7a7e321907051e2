/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Call sites: what ledgers say of them, kept beyond the end of their process. Files are not opened
 * here: whoever asks finds the names, with its own rights.
 */
#include "config.h"
#include "tools/coord/json.h"

#include "tools/coord/coord.h"

static json_t *path_text(const char *path)
{
	json_t *j = *path ? json_string(path) : NULL;

	return j ? j : json_null();
}

static json_t *frame_json(uint64_t frame, const struct dam_module *m)
{
	json_t *j = json_object();

	json_object_set_new(j, "module", path_text(m->path));
	json_object_set_new(j, "inode", whole(m->inode));
	json_object_set_new(j, "file_offset", whole(frame & ((1ull << DAM_FRAME_SHIFT) - 1)));
	return j;
}

static json_t *site_json(const struct coord_process *p, const struct dam_site *s,
			 const struct dam_module *module)
{
	json_t *j = json_object(), *frames = json_array();

	for (unsigned int i = 0; i < s->nr_frames; i++)
		json_array_append_new(frames, frame_json(s->frame[i], &module[i]));
	json_object_set_new(j, "pid", whole((uint64_t)p->pid));
	json_object_set_new(j, "comm", name_text(p->comm));
	json_object_set_new(j, "samples", whole(s->samples));
	json_object_set_new(j, "period", whole(p->ledger->sites.period));
	json_object_set_new(j, "whole_stacks", json_boolean(p->ledger->sites.stacks));
	json_object_set_new(j, "ops", whole(s->ops));
	json_object_set_new(j, "read_bytes", whole(s->read_bytes));
	json_object_set_new(j, "write_bytes", whole(s->write_bytes));
	json_object_set_new(j, "frames", frames);
	return j;
}

static void add_process(const struct coord_process *p, json_t *rows, uint64_t *lost)
{
	if (!p->ledger)
		return;
	for (unsigned int i = 0; i < DAM_LEDGER_SITES; i++) {
		struct dam_module module[DAM_SITE_FRAMES];
		struct dam_site s;

		if (dam_ledger_site_read(p->ledger, i, &s, module) && s.samples)
			json_array_append_new(rows, site_json(p, &s, module));
	}
	*lost += __atomic_load_n(&p->ledger->sites.lost, __ATOMIC_RELAXED);
}

void coord_sites_keep(struct coord *c, const struct coord_process *p)
{
	struct coord_sites kept = {.run_id = p->run_id, .rows = json_array()}, *old;

	add_process(p, kept.rows, &kept.lost);
	if (!json_array_size(kept.rows)) {
		json_decref(kept.rows);
		return;
	}
	old = &c->sites[c->nr_sites++ % COORD_MAX_SITES];
	json_decref(old->rows);
	*old = kept;
}

void coord_sites_json(const struct coord *c, uint32_t run_id, json_t *out)
{
	json_t *rows = json_array();
	uint64_t lost = 0;

	for (unsigned int i = 0; i < COORD_MAX_SITES; i++)
		if (c->sites[i].rows && (!run_id || c->sites[i].run_id == run_id)) {
			json_array_extend(rows, c->sites[i].rows);
			lost += c->sites[i].lost;
		}
	for (const struct coord_process *p = c->processes; p; p = p->next)
		if (!run_id || p->run_id == run_id)
			add_process(p, rows, &lost);
	json_object_set_new(out, "call_sites", rows);
	json_object_set_new(out, "call_sites_lost", whole(lost));
}

void coord_sites_close(struct coord *c)
{
	for (unsigned int i = 0; i < COORD_MAX_SITES; i++)
		json_decref(c->sites[i].rows);
}
