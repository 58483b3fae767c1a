# cmake -DREGIONS=regions.txt -DISO_DIR=/usr/share/iso-codes/json -DOUT=codes_tables.h -P generate.cmake
# Writes each list as macro calls: the C side decides what table they become.

file(STRINGS ${REGIONS} regions)
set(provinces "")
set(regencies "")
foreach(code ${regions})
    if(code MATCHES "^([0-9][0-9])$")
        string(APPEND provinces " \\\n    X(1${CMAKE_MATCH_1})")
    elseif(code MATCHES "^([0-9][0-9])\\.([0-9][0-9])$")
        string(APPEND regencies " \\\n    X(1${CMAKE_MATCH_1}${CMAKE_MATCH_2})")
    else()
        message(FATAL_ERROR "${REGIONS}: '${code}' is no code of a province or regency")
    endif()
endforeach()

# The files are flat lists of objects, and only one key of each is wanted.
function(iso_codes file key letters out)
    file(READ ${ISO_DIR}/${file} text)
    string(REGEX MATCHALL "\"${key}\": *\"${letters}\"" found "${text}")
    if(NOT found)
        message(FATAL_ERROR "${ISO_DIR}/${file}: no ${key}")
    endif()
    set(calls "")
    foreach(item ${found})
        string(REGEX MATCH "[A-Z]+\"$" code ${item})
        string(REGEX REPLACE "\"" "" code ${code})
        string(REGEX REPLACE "([A-Z])" "'\\1', " code ${code})
        string(REGEX REPLACE ", $" "" code ${code})
        string(APPEND calls " \\\n    X(${code})")
    endforeach()
    set(${out} "${calls}" PARENT_SCOPE)
endfunction()
iso_codes(iso_3166-1.json alpha_2 "[A-Z][A-Z]" countries)
iso_codes(iso_4217.json alpha_3 "[A-Z][A-Z][A-Z]" currencies)

file(WRITE ${OUT}
    "/* Made by proto/codes/generate.cmake. A leading 1 keeps region codes decimal. */\n"
    "#define PROVINCE_CODES(X)${provinces}\n\n"
    "#define REGENCY_CODES(X)${regencies}\n\n"
    "#define COUNTRY_CODES(X)${countries}\n\n"
    "#define CURRENCY_CODES(X)${currencies}\n")
