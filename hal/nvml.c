/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The nvml backend: NVIDIA GPUs, whose library tells the bytes that crossed their link, if it is installed.
 *
 * The library is loaded when it is there, and nothing of its headers is needed: the few declarations below are its
 * stable interface. Counters of bytes came with release 525; older drivers offer only a measurement that takes
 * 20 ms, and are left out.
 */
#include "config.h"
#include "hal/hal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/component.h"
#include "hal/internal.h"
#include "hal/sysfs.h"

#define LIBRARY		"libnvidia-ml.so.1"
#define BASE_LATENCY_NS 20000 /* a first guess: a small copy and its event */
#define BUS_ID_MAX	32
#define GPUS_MAX	64
#define FIELD_TX_BYTES	197 /* NVML_FI_DEV_PCIE_COUNT_TX_BYTES: from the GPU */
#define FIELD_RX_BYTES	198

struct pci_info { /* nvmlPciInfo_t */
	char bus_id_legacy[16];
	unsigned int domain, bus, device, pci_device_id, pci_subsystem_id;
	char bus_id[BUS_ID_MAX];
};

struct field_value { /* nvmlFieldValue_t */
	unsigned int id, scope;
	long long timestamp, latency_us;
	unsigned int type, ret;
	union {
		double d;
		unsigned int u;
		unsigned long ul;
		unsigned long long ull;
	} value;
};

struct library {
	unsigned int users; /* engines */
	void *handle;
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned int *out);
	int (*get)(unsigned int i, void **out);
	int (*pci)(void *gpu, struct pci_info *out);
	int (*fields)(void *gpu, int nr, struct field_value *values);
};

struct engine_state {
	struct library *lib;
	void *gpu;
};

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
	{"nvmlInit_v2", offsetof(struct library, init)},
	{"nvmlShutdown", offsetof(struct library, shutdown)},
	{"nvmlDeviceGetCount_v2", offsetof(struct library, count)},
	{"nvmlDeviceGetHandleByIndex_v2", offsetof(struct library, get)},
	{"nvmlDeviceGetPciInfo_v3", offsetof(struct library, pci)},
	{"nvmlDeviceGetFieldValues", offsetof(struct library, fields)},
};

static void unload(struct library *l)
{
	if (--l->users)
		return;
	l->shutdown();
	dlclose(l->handle);
	free(l);
}

/* Return: NULL when there is no such library, or it finds no driver. */
static struct library *load(void)
{
	struct library *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; l->handle && i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *at = dlsym(l->handle, symbols[i].name);

		if (!at)
			goto unload;
		memcpy((char *)l + symbols[i].offset, &at, sizeof(at));
	}
	if (l->handle && !l->init()) {
		l->users = 1;
		return l;
	}
unload:
	if (l->handle)
		dlclose(l->handle);
	free(l);
	return NULL;
}

static int nvml_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	const struct engine_state *s = eng->priv;
	struct field_value v[] = {{.id = FIELD_TX_BYTES}, {.id = FIELD_RX_BYTES}};

	if (s->lib->fields(s->gpu, 2, v))
		return -ENODEV;
	if (v[0].ret || v[1].ret)
		return -EAGAIN;
	out->have = DAM_HAVE_BYTES;
	out->read_bytes = v[0].value.ull;
	out->write_bytes = v[1].value.ull;
	return 0;
}

static void nvml_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	unload(s->lib);
	free(s);
}

/* "00000000:3B:00.0" as sysfs writes it: "0000:3b:00.0". */
static void write_address(const struct pci_info *pci, char *out, size_t size)
{
	snprintf(out, size, "%04x:%02x:%02x.0", pci->domain, pci->bus & 0xff, pci->device & 0xff);
}

static int add_gpu(struct dam_hal *hal, struct library *lib, unsigned int i)
{
	struct dam_hal_engine e = {.pool = DAM_HAL_NONE, .backend = &dam_hal_nvml, .base_latency_ns = BASE_LATENCY_NS,
				   .caps = {.operations = DAM_OP_COPY | DAM_OP_FILL,
					    .directions = DAM_DIR_TO_MEMORY | DAM_DIR_FROM_MEMORY}};
	struct dam_hal_counters first = {0};
	struct engine_state *s;
	struct pci_info pci = {.domain = 0};
	char address[BUS_ID_MAX], path[DAM_SYSFS_PATH];
	void *gpu;

	if (lib->get(i, &gpu) || lib->pci(gpu, &pci))
		return 0;
	write_address(&pci, address, sizeof(address));
	if (dam_sysfs_real(path, dam_hal_root(hal), "/sys/bus/pci/devices/%s", address))
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct engine_state){lib, gpu};
	lib->users++;
	e.priv = s;
	snprintf(e.name, sizeof(e.name), "nvml:%s", address);
	dam_hal_place(hal, path, &e);
	dam_link_capacity(dam_hal_root(hal), path, &e.capacity);
	if (nvml_sample(&e, &first))
		nvml_close(&e);
	else
		dam_hal_add_engine(hal, &e); /* no room for it: left out */
	return 0;
}

static int nvml_scan(struct dam_hal *hal)
{
	struct library *lib;
	unsigned int nr = 0;
	int err = 0;

	if (dam_hal_root(hal)[0])
		return 0; /* a recorded tree: the devices of this machine are none of its own */
	lib = load();
	if (!lib)
		return 0;
	if (lib->count(&nr))
		nr = 0;
	for (unsigned int i = 0; i < nr && i < GPUS_MAX && !err; i++)
		err = add_gpu(hal, lib, i);
	unload(lib);
	return err;
}

static const char *const watch[] = {"/sys/bus/pci/drivers/nvidia", NULL};

const struct dam_hal_backend dam_hal_nvml = {
	.name = "nvml",
	.scan = nvml_scan,
	.sample = nvml_sample,
	.close = nvml_close,
	.watch = watch,
};
