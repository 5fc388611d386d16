namespace Overlay.Daemon.Configuration;

/// <summary>
/// Takes the keys of one object. What was neither taken nor refused by name when <see cref="Finish"/> is called is unknown.
/// </summary>
internal sealed class ObjectReader
{
    private readonly ConfigNode _node;
    private readonly string _where;
    private readonly ConfigErrors _errors;
    private readonly List<string> _known = [];

    private ObjectReader(ConfigNode node, string where, ConfigErrors errors)
    {
        _node = node;
        _where = where;
        _errors = errors;
    }

    /// <summary>The line of the object.</summary>
    public int Line => _node.Line;

    /// <summary>Opens an object.</summary>
    /// <param name="node">The value; null if its key is absent.</param>
    /// <param name="where">How messages name the object.</param>
    /// <param name="errors">Takes the mistakes.</param>
    /// <returns>null if it is absent or, with a mistake added, not an object.</returns>
    public static ObjectReader? Open(ConfigNode? node, string where, ConfigErrors errors)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind == ConfigNodeKind.Object)
        {
            return new ObjectReader(node, where, errors);
        }

        errors.Add(node.Line, $"{where} is {node.Describe()}; an object is right");
        return null;
    }

    /// <summary>The value of a key; null if it is absent.</summary>
    public ConfigNode? Take(string key)
    {
        _known.Add(key);
        return _node[key];
    }

    /// <summary>The value of a key that must be there; null, with a mistake added, if it is absent.</summary>
    /// <param name="key">The key.</param>
    /// <param name="right">What the value would be.</param>
    public ConfigNode? Require(string key, string right)
    {
        ConfigNode? value = Take(key);
        if (value is null)
        {
            _errors.Add(_node.Line, $"{_where} has no \"{key}\"; {right} is right");
        }

        return value;
    }

    /// <summary>Makes the presence of a known key a mistake.</summary>
    /// <param name="key">The key.</param>
    /// <param name="by">By or with what it is not used.</param>
    /// <param name="right">What to do instead.</param>
    public void Refuse(string key, string by, string right = "leave it out")
    {
        _known.Add(key);
        foreach (ConfigMember member in _node.Members)
        {
            if (member.Key == key)
            {
                _errors.Add(member.Line, $"\"{key}\" is not used {by}; {right}");
            }
        }
    }

    /// <summary>Adds a mistake for every key that nobody asked for.</summary>
    public void Finish()
    {
        foreach (ConfigMember member in _node.Members)
        {
            if (!_known.Contains(member.Key))
            {
                string right = NearestKey.Find(member.Key, _known) is string nearest
                    ? $"\"{nearest}\" is right"
                    : $"its keys are {string.Join(", ", _known)}";
                _errors.Add(member.Line, $"unknown key {ConfigNode.Quote(member.Key)} in {_where}; {right}");
            }
        }
    }
}
