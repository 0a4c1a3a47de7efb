# SPDX-License-Identifier: BSD-3-Clause
"""Sound files for phones without a sound card: what they say, and whether they heard anything."""

import array
import math
import wave

RATE = 8000
HEAD = 44


def tone(path, seconds=10, frequency=440):
    """Writes a sine as a WAV file, 16 bits mono."""
    samples = array.array("h", (int(8000 * math.sin(2 * math.pi * frequency * n / RATE))
                                for n in range(seconds * RATE)))
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(samples.tobytes())


def loud(path):
    """The number of samples in a WAV file (16 bits, perhaps still growing) that are no silence."""
    with open(path, "rb") as f:
        data = f.read()[HEAD:]
    return sum(1 for sample in array.array("h", data[:len(data) & ~1]) if abs(sample) > 500)
