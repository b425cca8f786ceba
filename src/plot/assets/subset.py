"""Makes the fonts of the figures: DejaVu Sans, Regular and Bold, cut down and renamed.

usage: subset.py FOLDER_WITH_DEJAVU OUTPUT_FOLDER    (needs fonttools)
"""
import sys, pathlib
from fontTools import subset
from fontTools.ttLib import TTFont
source, target = map(pathlib.Path, sys.argv[1:3])
unicodes = [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x370, 0x400), 0x2010, 0x2011, 0x2013, 0x2014, 0x2018,
            0x2019, 0x201C, 0x201D, 0x2022, 0x2026, 0x2032, 0x2033, 0x20AC, *range(0x2070, 0x209D), *range(0x2190, 0x21A0),
            *range(0x2200, 0x2270), 0x25A0, 0x25B2, 0x25B6, 0x25BC, 0x25C0, 0x25CF, 0x2713, 0x2717, 0xFFFD]
for style in ("Regular", "Bold"):
    name = {"Regular": "DejaVuSans.ttf", "Bold": "DejaVuSans-Bold.ttf"}[style]
    font = TTFont(source / name, recalcTimestamp=False)
    options = subset.Options(hinting=False, layout_features=["kern"], notdef_outline=True, name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14], recalc_timestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=unicodes)
    cutter.subset(font)
    # The licence reserves "Bitstream" and "Vera", and asks for another name of what was changed.
    family = "Hetsoc Sans"
    for record in font["name"].names:
        new = {1: family, 2: style, 3: f"{family} {style} subset", 4: f"{family} {style}", 6: f"HetsocSans-{style}"}.get(record.nameID)
        if new: record.string = new
    font.save(target / f"HetsocSans-{style}.ttf")
