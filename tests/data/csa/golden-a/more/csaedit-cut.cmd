TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaedit -A -P more/cut1
