#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""embed.py IN OUT: writes a text file as the C array of library.h."""
import sys

with open(sys.argv[1], 'rb') as source, open(sys.argv[2], 'w', encoding='ascii') as out:
    text = source.read()
    out.write('#include "controlplane/store/library.h"\n')
    out.write('const char library_text[] = {\n')
    for i in range(0, len(text), 20):
        out.write(''.join(f'{byte},' for byte in text[i:i + 20]) + '\n')
    out.write('0};\n')
    out.write(f'const size_t library_len = {len(text)};\n')
