# awk -F, -v regency=18.07 -f villages.awk villages.csv > villages.inc
# Writes the villages of a regency as runs of consecutive numbers in a district. The table is idn-area-data's.

function finish() {
    if (last > 0)
        printf "RUN(%d, %d, %d)\n", district, first, last
}

BEGIN {
    print "/* The villages of " regency " as RUN(district, first, last), made by villages.awk. Contains information"
    print " * from idn-area-data, which is made available under the Open Database License (ODbL):"
    print " * NOTICE-idn-area-data.md. */"
}

$1 ~ "^" regency "\\." {
    split($1, code, ".")
    if (code[3] + 0 != district || code[4] + 0 != last + 1) {
        finish()
        district = code[3] + 0
        first = code[4] + 0
    }
    last = code[4] + 0
}

END {
    finish()
}
