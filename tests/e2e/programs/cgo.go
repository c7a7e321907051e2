// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: The DAM authors

// Makes the same program a dynamic one, which loads what is preloaded: it calls the C library before it begins.
package main

// #include <unistd.h>
import "C"

func init() {
	if C.getpid() <= 0 {
		panic("no C library")
	}
}
