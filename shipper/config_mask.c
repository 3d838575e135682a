/*
 * config_mask.c
 *		column.mask.* and column.truncate.*: options with a number or a salt in
 *		their names.
 *
 * A salt is a secret.  It is taken off its name here; the output plugin, whose
 * options stand in logs, is told which of the session's secrets it is, and the
 * secrets go with the connection's start-up (see pg.c).
 */
#include "config_internal.h"

#include <ctype.h>

static const char hash_prefix[] = "column.mask.hash.";
static const char salt_mark[] = ".with.salt.";
static const char algorithms[] =
	"MD5|SHA-1|SHA|SHA-224|SHA-256|SHA-384|SHA-512";

typedef struct MaskForm
{
	const char *before; /* the number */
	const char *after;
} MaskForm;

static const MaskForm forms[] = {
	{"column.mask.with.", ".chars"},
	{"column.truncate.to.", ".chars"},
};

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
config_is_mask(const char *name)
{
	return starts_with(name, hash_prefix) ||
		   starts_with(name, forms[0].before) ||
		   starts_with(name, forms[1].before);
}

/* Whoever shows a name that was read shows no more of it than this. */
int
config_shown_length(const char *name, size_t len)
{
	const char *salt = memmem(name, len, salt_mark, strlen(salt_mark));

	if (salt != NULL)
		len = (size_t) (salt - name) + strlen(salt_mark) - 1;
	return len > 100 ? 100 : (int) len;
}

static bool
bad_name(const char *name, const char *origin, const char *wanted, Error *err)
{
	err_set(err, ERR_CONFIG, "config_bad_mask", "%.*s is not understood",
			config_shown_length(name, strlen(name)), name);
	err_detail(err, "It comes from %s. Values would be published undisguised.",
			   origin);
	err_hint(err, "Write %s.", wanted);
	return false;
}

/* "column.mask.with.N.chars": whether its number and its end are right */
static bool
check_length(const char *name, const char *origin, Error *err)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		const char *number = name + strlen(forms[i].before);
		size_t n;

		if (!starts_with(name, forms[i].before))
			continue;
		n = strspn(number, "0123456789");
		if (n > 0 && strcmp(number + n, forms[i].after) == 0 &&
			(n < 8 || (n == 8 && strncmp(number, "10000000", 8) == 0)))
			return true;
		return bad_name(name, origin,
						i == 0 ? "column.mask.with.N.chars, with N from 0 to "
								 "10000000"
							   : "column.truncate.to.N.chars, with N from 0 to "
								 "10000000",
						err);
	}
	return bad_name(name, origin, "one of the forms in doc/configuration.md",
					err);
}

/* The salt of "column.mask.hash.ALGORITHM.with.salt.SALT", or NULL and err. */
static const char *
check_hash(const char *name, const char *origin, Error *err)
{
	static const char wanted[] =
		"column.mask.hash.v2.ALGORITHM.with.salt.SALT (or, as Debezium first "
		"hashed, without \"v2.\"), with one of the algorithms MD5, SHA-1, "
		"SHA-224, SHA-256, SHA-384 and SHA-512";
	const char *algorithm = name + strlen(hash_prefix);
	const char *mark = strstr(name, salt_mark);
	char *word;
	bool known;

	if (starts_with(algorithm, "v2."))
		algorithm += 3;
	if (mark == NULL || mark < algorithm || mark[strlen(salt_mark)] == '\0')
	{
		bad_name(name, origin, wanted, err);
		return NULL;
	}
	word = config_strndup(algorithm, (size_t) (mark - algorithm));
	known = config_word_find(algorithms, word, NULL, NULL);
	free(word);
	if (!known)
	{
		bad_name(name, origin, wanted, err);
		return NULL;
	}
	return mark + strlen(salt_mark);
}

static void
set_mask(struct ConfigState *st, const MaskSetting *new)
{
	size_t i = 0;

	while (i < st->nmasks && (strcmp(st->masks[i].name, new->name) != 0 ||
							  strcmp(st->masks[i].salt, new->salt) != 0))
		i++;
	if (i == st->nmasks)
	{
		st->masks =
			config_alloc(st->masks, (st->nmasks + 1) * sizeof(MaskSetting));
		memset(&st->masks[st->nmasks++], 0, sizeof(MaskSetting));
	}
	else if (new->rank < st->masks[i].rank)
		return;
	config_mask_free(&st->masks[i]);
	st->masks[i].name = config_strdup(new->name);
	st->masks[i].salt = config_strdup(new->salt);
	st->masks[i].value = config_strdup(new->value);
	st->masks[i].origin = config_strdup(new->origin);
	st->masks[i].rank = new->rank;
}

bool
config_mask_set(Config *cfg, const char *name, const char *value,
				const char *origin, int rank, Error *err)
{
	MaskSetting new = {.value = (char *) value,
					   .origin = (char *) origin,
					   .salt = (char *) "",
					   .rank = rank};
	const char *salt;

	if (!starts_with(name, hash_prefix))
	{
		if (!check_length(name, origin, err))
			return false;
		new.name = config_strdup(name);
	}
	else
	{
		salt = check_hash(name, origin, err);
		if (salt == NULL)
			return false;
		new.name = config_strndup(name, (size_t) (salt - name));
		new.salt = (char *) salt;
	}
	set_mask(cfg->state, &new);
	free(new.name);
	return true;
}

void
config_mask_free(MaskSetting *mask)
{
	if (mask->salt != NULL)
		explicit_bzero(mask->salt, strlen(mask->salt));
	free(mask->name);
	free(mask->salt);
	free(mask->value);
	free(mask->origin);
}

static char *
append_hex(char *list, const char *salt)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = list != NULL ? strlen(list) : 0;
	size_t n = strlen(salt);
	char *longer = config_alloc(NULL, used + 2 * n + 2);
	char *out = longer;

	if (used > 0)
	{
		memcpy(longer, list, used);
		out += used;
		*out++ = ',';
		explicit_bzero(list, used);
	}
	for (size_t i = 0; i < n; i++)
	{
		*out++ = digits[(unsigned char) salt[i] >> 4];
		*out++ = digits[salt[i] & 0xf];
	}
	*out = '\0';
	free(list);
	return longer;
}

void
config_fill_masks(Config *cfg)
{
	struct ConfigState *st = cfg->state;
	int secrets = 0;

	for (size_t i = 0; i < st->nmasks; i++)
	{
		const MaskSetting *mask = &st->masks[i];
		char *name;

		/* an empty list disguises nothing */
		if (mask->value[strspn(mask->value, " \t,")] == '\0')
			continue;
		if (mask->salt[0] == '\0')
			name = config_strdup(mask->name);
		else
		{
			name = config_printf("%s#%d", mask->name, ++secrets);
			cfg->secrets = append_hex(cfg->secrets, mask->salt);
		}
		config_pairs_set(&cfg->plugin, NULL, name, mask->value, mask->origin,
						 false, 0);
		free(name);
	}
	if (cfg->secrets == NULL)
		cfg->secrets = config_strdup("");
}
