TZ=UTC LC_ALL=C CSACONFIG=more/plain0.conf csacon -pug -s more/spacct0 > more/cacct-pug
