#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes ./configure from a fresh checkout.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --warnings=all
