"""Where the network runs: a GPU where there is one, else the CPU."""

from __future__ import annotations

import os
from typing import Any

import jax


def describe_device() -> dict[str, Any]:
    """Say which device JAX has chosen: ``platform``, ``kind``, ``count`` and ``cores`` of the host.

    The choice is JAX's own: an accelerator where its plugin is installed and
    one is found, else the CPU; the environment variable ``JAX_PLATFORMS`` overrides it.
    """
    device = jax.devices()[0]
    kind = "" if device.device_kind == device.platform else device.device_kind
    return {
        "platform": device.platform,
        "kind": kind,
        "count": jax.device_count(),
        "cores": len(os.sched_getaffinity(0)),
        "jax": jax.__version__,
    }


def device_words(device: dict[str, Any]) -> str:
    """Put :func:`describe_device` in words (``cpu, 2 cores, JAX 0.10.2``)."""
    size = (
        f"{device['cores']} cores" if device["platform"] == "cpu" else f"{device['count']} × {device['kind']}"
    )
    return f"{device['platform']}, {size}, JAX {device['jax']}"


def compiler_options() -> dict[str, Any]:
    """Give the options under which one seed gives one result on the device in use.

    Sums in atomic order make GPU gradients differ from run to run; XLA has
    deterministic kernels on request. CPUs need no option.
    """
    return {"xla_gpu_deterministic_ops": True} if jax.devices()[0].platform == "gpu" else {}
