TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacrep -hpgVJj < more/cacct-pug
