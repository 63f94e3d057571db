TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaedit -A -m -t -v -P more/pacct1
