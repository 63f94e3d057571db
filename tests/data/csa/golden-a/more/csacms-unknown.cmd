TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacms --all=1 more/pacct1
