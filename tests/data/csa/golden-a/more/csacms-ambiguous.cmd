TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacms --sort-by more/pacct1
