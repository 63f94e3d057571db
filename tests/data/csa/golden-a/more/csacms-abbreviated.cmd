TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacms --asc --non --prim more/pacct1
