TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaedit -r 2,4,9 -o more/edited -P more/pacct1
