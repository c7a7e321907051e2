/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A stand-in for NVIDIA's library: two GPUs, of which the second has a driver that counts no bytes. */
#include <string.h>

struct pci_info {
	char bus_id_legacy[16];
	unsigned int domain, bus, device, pci_device_id, pci_subsystem_id;
	char bus_id[32];
};

struct field_value {
	unsigned int id, scope;
	long long timestamp, latency_us;
	unsigned int type, ret;
	unsigned long long value;
};

unsigned long long fake_nvml_bytes = 1000;
int fake_nvml_lost; /* the first has fallen off the bus */
int fake_nvml_users;

static int gpu[2];

int nvmlInit_v2(void)
{
	fake_nvml_users++;
	return 0;
}

int nvmlShutdown(void)
{
	fake_nvml_users--;
	return 0;
}

int nvmlDeviceGetCount_v2(unsigned int *out)
{
	*out = 2;
	return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int i, void **out)
{
	*out = &gpu[i];
	return 0;
}

int nvmlDeviceGetPciInfo_v3(void *which, struct pci_info *out)
{
	memset(out, 0, sizeof(*out));
	out->bus = which == &gpu[0] ? 0x3b : 0x5e;
	return 0;
}

int nvmlDeviceGetFieldValues(void *which, int nr, struct field_value *v)
{
	if (fake_nvml_lost)
		return 15; /* NVML_ERROR_GPU_IS_LOST */
	for (int i = 0; i < nr; i++) {
		v[i].ret = which == &gpu[0] ? 0 : 3; /* NVML_ERROR_NOT_SUPPORTED */
		v[i].value = fake_nvml_bytes * (v[i].id == 197 ? 1 : 2);
	}
	return 0;
}
