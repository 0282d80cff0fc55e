"""Regression jobs: boots real kernels in QEMU, with a fix and without, and judges what was measured."""
