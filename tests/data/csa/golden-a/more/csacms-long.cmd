TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacms --ascii --prime --sort-by-number more/pacct1
