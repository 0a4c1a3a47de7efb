#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""embed.py IN... OUT: writes text files, joined, as the C array of library.h."""
import sys

text = b''
for name in sys.argv[1:-1]:
    with open(name, 'rb') as source:
        text += source.read()
with open(sys.argv[-1], 'w', encoding='ascii') as out:
    out.write('#include "controlplane/store/library.h"\n')
    out.write('const char library_text[] = {\n')
    for i in range(0, len(text), 20):
        out.write(''.join(f'{byte},' for byte in text[i:i + 20]) + '\n')
    out.write('0};\n')
    out.write(f'const size_t library_len = {len(text)};\n')
