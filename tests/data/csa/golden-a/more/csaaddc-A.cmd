TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaaddc -A -t more/cacct more/cacct-pug
