TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacms --what more/pacct1
